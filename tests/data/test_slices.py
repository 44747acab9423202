"""From PNG files to batches that are the same whenever they are asked for."""

from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from afunet.data.augment import AugmentConfig
from afunet.data.cases import SliceRecord
from afunet.data.slices import CropConfig, CropSampler, LabelledSlice, Source, load_slices
from afunet.errors import InputError

STILL = AugmentConfig((1, 1), 0, False, 0, 0, 0, 0, 0, 0)


def record_of(folder: Path, case: str = "knee", level: int = 0) -> SliceRecord:
    stem = folder / f"{case}-{level}"
    image, mask = stem.with_suffix(".png"), stem.with_suffix(".mask.png")
    return SliceRecord(case, "p", level, "train", "auto", image, mask)


def written(
    folder: Path,
    case: str = "knee",
    level: int = 0,
    grey: int = 100,
    size: tuple[int, int] = (6, 4),
) -> SliceRecord:
    """A slice of one grey, its first row bone; `size` is (width, height)."""
    record = record_of(folder, case, level)
    Image.new("L", size, grey).save(record.image)
    mask = np.zeros(size[::-1], dtype=np.uint8)
    mask[0] = 1
    Image.fromarray(mask).save(record.mask)
    return record


def refusal(record: SliceRecord, *others: SliceRecord, input_slices: int = 1) -> str:
    with pytest.raises(InputError) as caught:
        load_slices([record, *others], input_slices)
    assert "\n" not in str(caught.value)
    return str(caught.value)


def test_a_slice_is_read_with_its_mask_and_record(tmp_path: Path) -> None:
    record = written(tmp_path, grey=77)
    (item,) = load_slices([record])
    assert item.grey.shape == (1, 4, 6)
    assert np.unique(item.grey).tolist() == [77]
    assert item.mask.dtype == np.uint8
    assert item.mask.tolist() == [[1] * 6] + [[0] * 6] * 3
    assert item.record is record


def test_three_slices_are_stacked_and_the_ends_repeated(tmp_path: Path) -> None:
    records = [written(tmp_path, level=level, grey=10 * level) for level in (1, 2, 3)]
    stacks = [item.grey[:, 0, 0].tolist() for item in load_slices(records, 3)]
    assert stacks == [[10, 10, 20], [10, 20, 30], [20, 30, 30]]


def test_five_slices_reach_two_levels_and_missing_levels_are_the_nearest(tmp_path: Path) -> None:
    records = [written(tmp_path, level=level, grey=10 * level) for level in (0, 1, 4)]
    stacks = [item.grey[:, 0, 0].tolist() for item in load_slices(records, 5)]
    # Level 2 is nearest to 1, level 3 to 4; beyond the ends the end itself.
    assert stacks == [[0, 0, 0, 10, 10], [0, 0, 10, 10, 40], [10, 40, 40, 40, 40]]


def test_neighbours_never_come_from_another_case(tmp_path: Path) -> None:
    records = [written(tmp_path, "a", 0, 10), written(tmp_path, "b", 1, 20)]
    stacks = [item.grey[:, 0, 0].tolist() for item in load_slices(records, 3)]
    assert stacks == [[10, 10, 10], [20, 20, 20]]


def test_a_black_and_white_mask_is_read_as_0_and_1(tmp_path: Path) -> None:
    record = written(tmp_path)
    Image.fromarray(np.eye(4, 6, dtype=bool)).save(record.mask)
    assert load_slices([record])[0].mask.tolist() == np.eye(4, 6).tolist()


def test_a_mask_of_0_and_255_is_refused(tmp_path: Path) -> None:
    record = written(tmp_path)
    Image.new("L", (6, 4), 255).save(record.mask)
    assert refusal(record) == "knee slice 0: a mask holds 0 and 1, got 255"


def test_a_coloured_image_is_refused(tmp_path: Path) -> None:
    record = written(tmp_path)
    Image.new("RGB", (6, 4)).save(record.image)
    assert "expected 8-bit grey, got mode RGB" in refusal(record)


def test_a_16_bit_image_is_refused(tmp_path: Path) -> None:
    record = written(tmp_path)
    Image.fromarray(np.zeros((4, 6), dtype=np.uint16)).save(record.image)
    assert "expected 8-bit grey" in refusal(record)


def test_a_mask_of_another_size_is_refused(tmp_path: Path) -> None:
    record = written(tmp_path)
    Image.new("L", (6, 5)).save(record.mask)
    assert refusal(record) == "knee slice 0: image (6, 4), mask (6, 5) pixels"


@pytest.mark.parametrize("broken", ["image", "mask"])
def test_a_file_that_is_no_image_is_refused(tmp_path: Path, broken: str) -> None:
    record = written(tmp_path)
    getattr(record, broken).write_bytes(b"not an image")
    assert "knee slice 0" in refusal(record)


@pytest.mark.parametrize("broken", ["image", "mask"])
def test_an_image_that_was_cut_short_is_refused(tmp_path: Path, broken: str) -> None:
    record = written(tmp_path, size=(60, 40))
    path: Path = getattr(record, broken)
    path.write_bytes(path.read_bytes()[:60])
    assert "knee slice 0" in refusal(record)


def test_neighbours_of_another_size_are_refused(tmp_path: Path) -> None:
    first, second = written(tmp_path), written(tmp_path, level=1, size=(7, 4))
    assert "knee" in refusal(first, second, input_slices=3)


def plain(grey: int, bone: tuple[slice, slice] | None = None, inputs: int = 1) -> LabelledSlice:
    mask = np.zeros((40, 50), dtype=np.uint8)
    if bone is not None:
        mask[bone] = 1
    image = np.full((inputs, 40, 50), grey, dtype=np.uint8)
    return LabelledSlice(image, mask, record_of(Path()))


def varied(inputs: int = 1) -> LabelledSlice:
    grey = np.random.default_rng(0).integers(0, 256, (inputs, 40, 50), dtype=np.uint8)
    mask = (grey[0] > 200).astype(np.uint8)
    return LabelledSlice(grey, mask, record_of(Path()))


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
    small = LabelledSlice(
        np.full((1, 5, 9), 255, np.uint8), np.zeros((5, 9), np.uint8), record_of(Path())
    )
    still = CropSampler([Source([small])], CropConfig(16), STILL, 0)
    images, masks = still.batch(0, 3)
    torch.testing.assert_close(images.sum(dim=(1, 2, 3)), torch.full((3,), 45.0))
    assert not masks.any()


def test_zoom_decides_how_much_of_the_slice_a_crop_shows() -> None:
    bone = plain(100, (slice(15, 25), slice(20, 30)))

    def area(scale: float) -> float:
        zoomed = AugmentConfig((scale, scale), 0, False, 0, 0, 0, 0, 0, 0)
        return float(CropSampler([Source([bone])], CropConfig(100), zoomed, 0).batch(0, 1)[1].sum())

    assert area(1) == 100
    assert area(2) == pytest.approx(400, abs=1)
    assert area(0.5) == pytest.approx(25, abs=11)  # half a pixel on every side
