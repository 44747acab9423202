"""Batches are drawn by step, cut where eq. 8 says, and the same whoever asks."""

import numpy as np
import pytest
import torch
from tests.refusals import refused

from afunet.data.augment import AugmentConfig
from afunet.data.bank import bank_of
from afunet.data.cases import SliceRecord
from afunet.data.sampler import CropConfig, CropSampler, Source
from afunet.data.slices import LabelledSlice
from afunet.errors import ConfigError, InputError

RECORD = SliceRecord.__new__(SliceRecord)  # who it is does not matter here
STILL = AugmentConfig((1, 1), 0, False, 0, 0, 0, 0, 0, 0, 0)


def plain(grey: int, bone: tuple[slice, slice] | None = None, inputs: int = 1) -> LabelledSlice:
    mask = np.zeros((40, 50), dtype=np.uint8)
    if bone is not None:
        mask[bone] = 1
    image = np.full((inputs, 40, 50), grey, dtype=np.uint8)
    return LabelledSlice(image, mask, RECORD)


def varied(inputs: int = 1) -> LabelledSlice:
    grey = np.random.default_rng(0).integers(0, 256, (inputs, 40, 50), dtype=np.uint8)
    mask = (grey[0] > 200).astype(np.uint8)
    return LabelledSlice(grey, mask, RECORD)


def sampler(*sources: Source, planned: float = 1.0, seed: int = 0) -> CropSampler:
    return CropSampler(sources, CropConfig(16, planned), AugmentConfig(), seed)


def test_a_batch_has_the_promised_shapes_and_ranges() -> None:
    images, masks = sampler(Source([varied(3)])).batch(0, 5)
    assert images.shape == (5, 3, 16, 16)
    assert masks.shape == (5, 1, 16, 16)
    assert images.dtype == masks.dtype == torch.float32
    assert 0 <= float(images.min()) < float(images.max()) <= 1
    assert set(masks.flatten().tolist()) == {0, 1}


def test_a_batch_is_the_same_in_whatever_order_it_is_asked_for() -> None:
    first, second = sampler(Source([varied()])), sampler(Source([varied()]))
    forward = [first.batch(step, 4) for step in (0, 1, 2)]
    backward = [second.batch(step, 4) for step in (2, 1, 0)][::-1]
    for (image, mask), (same_image, same_mask) in zip(forward, backward, strict=True):
        assert torch.equal(image, same_image)
        assert torch.equal(mask, same_mask)


def test_other_steps_places_and_seeds_give_other_crops() -> None:
    one = sampler(Source([varied()]))
    crops = [*one.batch(0, 2)[0], *one.batch(1, 2)[0]]
    crops += [*sampler(Source([varied()]), seed=1).batch(0, 2)[0]]
    assert len({crop.numpy().tobytes() for crop in crops}) == 6


def test_the_global_random_state_is_neither_used_nor_moved() -> None:
    torch.manual_seed(0)
    before = torch.get_rng_state()
    first = sampler(Source([varied()])).batch(0, 4)[0]
    assert torch.equal(torch.get_rng_state(), before)
    torch.manual_seed(1)
    assert torch.equal(sampler(Source([varied()])).batch(0, 4)[0], first)


def test_sources_are_drawn_by_their_weights() -> None:
    sources = [Source([plain(255)], 3), Source([plain(0)], 1), Source([plain(128)], 0)]
    still = CropSampler(sources, CropConfig(8), STILL, 0)
    images, _ = still.batch(0, 400)
    greys = (images.mean(dim=(1, 2, 3)) * 255).round()
    assert not (greys == 128).any()
    assert 0.69 < float((greys == 255).float().mean()) < 0.81  # 0.75 ± 2.8 standard errors


def test_planned_crops_hold_the_bone_and_unplanned_ones_lie_anywhere() -> None:
    middle = plain(100, (slice(17, 23), slice(22, 28)))

    def with_bone(planned: float) -> float:
        still = CropSampler([Source([middle])], CropConfig(12, planned), STILL, 0)
        return float(still.batch(0, 60)[1].amax(dim=(1, 2, 3)).mean())

    assert with_bone(1.0) == 1
    assert with_bone(0.0) < 0.4  # 17 · 17 of 29 · 39 places touch it


def test_a_slice_smaller_than_the_crop_and_one_without_bone_can_be_sampled() -> None:
    small = LabelledSlice(np.full((1, 5, 9), 255, np.uint8), np.zeros((5, 9), np.uint8), RECORD)
    still = CropSampler([Source([small])], CropConfig(16), STILL, 0)
    images, masks = still.batch(0, 3)
    torch.testing.assert_close(images.sum(dim=(1, 2, 3)), torch.full((3,), 45.0))
    assert not masks.any()


def test_zoom_decides_how_much_of_the_slice_a_crop_shows() -> None:
    bone = plain(100, (slice(15, 25), slice(20, 30)))

    def area(scale: float) -> float:
        zoomed = AugmentConfig((scale, scale), 0, False, 0, 0, 0, 0, 0, 0, 0)
        return float(CropSampler([Source([bone])], CropConfig(100), zoomed, 0).batch(0, 1)[1].sum())

    assert area(1) == 100
    assert area(2) == pytest.approx(400, abs=1)
    assert area(0.5) == pytest.approx(25, abs=11)  # half a pixel on every side


def numbered(count: int) -> list[LabelledSlice]:
    return [plain(10 * number) for number in range(1, count + 1)]


def test_passes_show_every_slice_once_in_each_and_in_another_order() -> None:
    passing = CropSampler([Source(numbered(6))], CropConfig(8), STILL, 0, passes=True)
    drawn = torch.cat([passing.draw(step, 4).slices for step in range(3)])
    assert sorted(drawn[:6].tolist()) == sorted(drawn[6:].tolist()) == list(range(6))
    assert drawn[:6].tolist() != drawn[6:].tolist()


def test_passes_over_sources_of_different_weights_are_refused() -> None:
    sources = [Source(numbered(2), 1), Source(numbered(2), 2)]
    with refused(ConfigError, "OPTIONS_CLASH"):
        CropSampler(sources, CropConfig(8), STILL, 0, passes=True)


def test_two_processes_cut_between_them_the_batch_of_one() -> None:
    alone = sampler(Source([varied(), plain(90)]))
    whole, whole_masks = alone.batch(3, 6)
    for rank in (0, 1):
        rows = slice(rank, None, 2)
        images, masks = alone.batch(3, 6, rows)
        torch.testing.assert_close(images, whole[rows])
        assert torch.equal(masks, whole_masks[rows])


def test_slices_of_different_sizes_share_a_bank() -> None:
    small = LabelledSlice(np.full((1, 3, 5), 50, np.uint8), np.ones((3, 5), np.uint8), RECORD)
    bank = bank_of([plain(100), small], torch.device("cpu"))
    boxes, sides = torch.tensor([[[0, 0], [1, 3]], [[0, 0], [5, 5]]]), torch.tensor([4, 9])
    counts, totals = bank.bone_in_boxes(torch.tensor([1, 0]), boxes, sides)
    assert counts.tolist() == [[12, 4], [0, 0]]
    assert totals.tolist() == [15, 0]
    middle = torch.full((2, 1, 1), 1.0)
    grey, mask = bank.look_up(torch.tensor([0, 1]), middle, middle)
    torch.testing.assert_close(grey.flatten() * 255, torch.tensor([100.0, 50.0]))
    assert mask.flatten().tolist() == [0, 1]


def test_slices_of_one_and_of_three_planes_do_not_mix() -> None:
    with refused(InputError, "SIZES_DIFFER", [1, 3]):
        bank_of([varied(1), varied(3)], torch.device("cpu"))


def test_a_class_has_a_channel_of_its_own() -> None:
    mask = np.zeros((40, 50), dtype=np.uint8)
    mask[5:20, 5:45], mask[20:35, 5:45] = 1, 3
    item = LabelledSlice(np.full((1, 40, 50), 90, dtype=np.uint8), mask, RECORD)
    several = CropSampler([Source([item])], CropConfig(24), STILL, 0, classes=3)
    bone = LabelledSlice(item.grey, (mask > 0).astype(np.uint8), RECORD)
    alone = CropSampler([Source([bone])], CropConfig(24), STILL, 0)
    masks, union = several.batch(0, 6)[1], alone.batch(0, 6)[1]
    assert masks.shape == (6, 3, 24, 24)
    assert int(masks[:, 1].sum()) == 0
    assert torch.equal(masks.sum(1, keepdim=True), union)
    assert (masks[:, 0].sum((1, 2)) > 0).any()
    assert (masks[:, 2].sum((1, 2)) > 0).any()


def test_bone_is_counted_in_the_box_around_it() -> None:
    item = varied()
    item.mask[:7], item.mask[:, :9], item.mask[33:] = 0, 0, 0
    bank = bank_of([item], torch.device("cpu"))
    corners = torch.tensor([[[-3, -2], [0, 0], [10, 20], [30, 45], [39, 49]]])
    counts, totals = bank.bone_in_boxes(torch.tensor([0]), corners, torch.tensor([13]))
    expected = [
        int(item.mask[max(r, 0) : r + 13, max(c, 0) : c + 13].sum()) for r, c in corners[0].tolist()
    ]
    assert counts[0].tolist() == expected
    assert int(totals) == int(item.mask.sum())


def test_steps_have_crops_of_one_of_the_sizes_and_as_many_pixels() -> None:
    crop = CropConfig(16, 1.0, (8, 16, 32))
    varying = CropSampler([Source([varied()])], crop, AugmentConfig(), 0, multiple=2)
    shapes = {tuple(varying.batch(step, 4)[0].shape) for step in range(30)}
    assert shapes == {(16, 1, 8, 8), (4, 1, 16, 16), (2, 1, 32, 32)}
    image, mask = varying.batch(7, 4)
    again, same_mask = varying.batch(7, 4)
    assert torch.equal(image, again)
    assert torch.equal(mask, same_mask)


def test_a_teachers_probability_follows_the_mask_into_the_crop() -> None:
    item, untaught = varied(), varied()
    soft = np.random.default_rng(1).integers(0, 256, (1, 40, 50), dtype=np.uint8)
    taught = LabelledSlice(item.grey, item.mask, RECORD, soft)
    _, targets = CropSampler([Source([taught])], CropConfig(24), STILL, 0).batch(0, 3)
    shown = LabelledSlice(soft, item.mask, RECORD)
    seen, masks = CropSampler([Source([shown])], CropConfig(24), STILL, 0).batch(0, 3)
    assert targets.shape == (3, 2, 24, 24)
    assert torch.equal(targets[:, :1], masks)
    torch.testing.assert_close(targets[:, 1:], seen)
    bank = bank_of([taught, untaught], torch.device("cpu"))
    grid = torch.meshgrid(torch.arange(40.0), torch.arange(50.0), indexing="ij")
    _, shares = bank.look_up(torch.tensor([1]), *(axis[None] for axis in grid))
    torch.testing.assert_close(shares[:, 0], shares[:, 1])  # labels stand in for the teacher


@pytest.mark.parametrize("taught", [False, True])
def test_the_weight_of_an_ignored_label_is_0_in_the_crop(taught: bool) -> None:
    plain_item = varied()
    ignored = np.zeros((40, 50), dtype=bool)
    ignored[10:14] = True
    soft = plain_item.grey.copy() if taught else None
    item = LabelledSlice(plain_item.grey, plain_item.mask, RECORD, soft, ignored)
    sources = [Source([item, plain_item])]
    images, targets = CropSampler(sources, CropConfig(24), STILL, 0).batch(0, 6)
    usual = CropSampler([Source([plain_item, plain_item])], CropConfig(24), STILL, 0)
    torch.testing.assert_close(images, usual.batch(0, 6)[0])
    assert torch.equal(targets[:, :1], usual.batch(0, 6)[1])  # the labels stay as they are
    assert targets.shape[1] == (3 if taught else 2)
    bank = bank_of([item, plain_item], torch.device("cpu"))
    grid = torch.meshgrid(torch.arange(40.0), torch.arange(50.0), indexing="ij")
    for index, expected in enumerate((ignored, np.zeros_like(ignored))):
        _, shares = bank.look_up(torch.tensor([index]), *(axis[None] for axis in grid))
        torch.testing.assert_close(shares[0, -1], torch.from_numpy(expected).float())
    weights = targets[:, -1]
    assert set(weights.flatten().tolist()) == {0, 1}
