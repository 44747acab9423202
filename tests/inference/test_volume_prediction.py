"""A volume in any orientation gives the same bones in the same places."""

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from itertools import permutations, product

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from afunet.errors import Cancelled
from afunet.geometry import Volume
from afunet.inference.engines.torch_engine import TorchEngine
from afunet.inference.predictor import Predicted, Predictor, Usage
from afunet.inference.volume import SLICES_AT_ONCE, FreshPrediction, predict_volume
from afunet.models.header import Header
from afunet.preprocessing.orientation import Axial
from afunet.watch import UNWATCHED, CancelToken, Watch

PATCH = 32
AXIAL_1MM = np.array([[0.8, 0, 0, -10], [0, 0.8, 0, 20], [0, 0, 2, 100], [0, 0, 0, 1]])


class Network(nn.Module):
    """Answers with `look(x)`, a probability image (B, H, W) of the windows (B, C, H, W)."""

    def __init__(self, look: Callable[[Tensor], Tensor]) -> None:
        super().__init__()
        self.look = look

    def forward(self, x: Tensor) -> Tensor:
        return torch.logit(self.look(x)[:, None])


@dataclass(frozen=True, eq=False)
class Watched(Predictor):
    """A predictor that notes the shape of every call."""

    calls: list[tuple[int, ...]] = field(default_factory=list)

    def __call__(self, slices: np.ndarray, watch: Watch = UNWATCHED) -> Predicted:
        self.calls.append(slices.shape)
        return super().__call__(slices, watch)


def watched(look: Callable[[Tensor], Tensor], input_slices: int = 1, classes: int = 1) -> Watched:
    cpu = torch.device("cpu")
    engine = TorchEngine(Network(look), cpu, torch.float32, 4, input_slices, classes)
    return Watched(engine, PATCH)


def echo(x: Tensor) -> Tensor:
    return x[:, x.shape[1] // 2]


def left_of_it(x: Tensor) -> Tensor:
    """Bone is what lies one pixel to the patient's left of bright pixels, and one to the back."""
    return echo(x).roll((1, 1), (-2, -1))


def header_of(input_slices: int = 1) -> Header:
    return Header("afunet", {"input_slices": input_slices}, (-300, 1300), (0.35, 0.95), PATCH)


def bright_block(slices: int = 5, rows: int = 30, columns: int = 28) -> Volume:
    hu = np.full((slices, rows, columns), -1000, dtype=np.int16)
    hu[1:3, 6:11, 9:20] = 900
    hu[3, 15:25, 4:7] = 700
    return Volume(hu, AXIAL_1MM)


def constant_slices(*hu: int) -> Volume:
    voxels = np.repeat(np.array(hu, dtype=np.int16), 20 * 20).reshape(len(hu), 20, 20)
    return Volume(voxels, AXIAL_1MM)


def stored(volume: Volume, order: tuple[int, ...], flips: tuple[bool, ...]) -> Volume:
    """The same anatomy with its index axes (column, row, slice) taken in `order`, some reversed."""
    voxels = volume.voxels.transpose(2, 1, 0)
    affine = volume.affine.copy()
    for axis, flip in enumerate(flips):
        if flip:
            affine[:, 3] += affine[:, axis] * (voxels.shape[axis] - 1)
            affine[:, axis] *= -1
            voxels = np.flip(voxels, axis)
    voxels = voxels.transpose(order).transpose(2, 1, 0)
    return Volume(np.ascontiguousarray(voxels), affine[:, [*order, 3]])


def predicted(
    volume: Volume,
    predictor: Predictor,
    header: Header,
    *,
    spacing_known: bool = True,
    watch: Watch = UNWATCHED,
) -> FreshPrediction:
    return predict_volume(
        Axial.of(volume), predictor, header, spacing_known=spacing_known, watch=watch
    )


def mask_of(volume: Volume, predictor: Predictor, header: Header) -> Volume:
    """The mask as the volume is stored."""
    prediction = predicted(volume, predictor, header)
    return prediction.scan.restored(prediction.mask)


def test_bone_is_what_reaches_the_threshold() -> None:
    volume = constant_slices(499, 500, 501)  # 500 HU is 0.5 in the bone window
    at_half = predicted(volume, watched(echo), header_of()).mask
    assert at_half.voxels.mean(axis=(1, 2)).tolist() == [0, 1, 1]
    assert at_half.voxels.dtype == np.uint8
    higher = predicted(
        constant_slices(800, 980), watched(echo), replace(header_of(), threshold=0.75)
    )
    assert higher.mask.voxels.mean(axis=(1, 2)).tolist() == [0, 1]


def test_the_header_s_window_is_used() -> None:
    narrow = Header("afunet", {}, (0, 100), (0.35, 0.95), PATCH)
    mask = predicted(constant_slices(40, 60), watched(echo), narrow).mask
    assert mask.voxels.mean(axis=(1, 2)).tolist() == [0, 1]


def test_the_network_s_answer_lies_where_the_network_saw_it() -> None:
    volume = bright_block()
    mask = predicted(volume, watched(left_of_it), header_of()).mask
    expected = np.zeros(volume.shape, dtype=np.uint8)
    expected[1:3, 7:12, 10:21] = 1
    expected[3, 16:26, 5:8] = 1
    assert np.array_equal(mask.voxels, expected)
    assert mask.same_grid(volume)


@pytest.mark.parametrize("order", list(permutations(range(3))))
@pytest.mark.parametrize("flips", list(product([False, True], repeat=3)))
def test_the_same_anatomy_stored_otherwise_gives_the_same_mask_in_its_own_order(
    order: tuple[int, ...], flips: tuple[bool, ...]
) -> None:
    axial = mask_of(bright_block(), watched(left_of_it), header_of())
    assert axial.voxels.any()
    volume = stored(bright_block(), order, flips)
    mask = mask_of(volume, watched(left_of_it), header_of())
    assert mask.shape == volume.shape
    assert mask.same_grid(volume)
    assert np.array_equal(mask.voxels, stored(axial, order, flips).voxels)


def test_three_millimetre_pixels_are_seen_finer_and_the_mask_is_native() -> None:
    volume = bright_block()
    coarse = Volume(volume.voxels, volume.affine @ np.diag([3.75, 3.75, 1, 1]))  # 3 mm
    predictor = watched(echo)
    prediction = predicted(coarse, predictor, header_of())
    assert prediction.grid.native == (30, 28)
    assert prediction.grid.working == (95, 88)  # 30 · 3 / 0.95 and 28 · 3 / 0.95
    assert predictor.calls == [(5, 1, 95, 88)]
    assert prediction.mask.same_grid(coarse)
    block = (coarse.voxels > 0).astype(np.uint8)
    inner = np.zeros_like(block)
    inner[1:3, 7:10, 10:19] = 1
    inner[3, 16:24, 5:6] = 1
    assert (prediction.mask.voxels >= inner).all()
    assert (prediction.mask.voxels <= block).all()


def test_oblong_pixels_are_seen_square() -> None:
    volume = bright_block()
    wide = Volume(volume.voxels, volume.affine @ np.diag([2, 1, 1, 1]))  # columns of 1.6 mm
    prediction = predicted(wide, watched(echo), header_of())
    assert prediction.grid.working == (30, 56)
    assert prediction.mask.same_grid(wide)


def test_pixels_of_unknown_size_are_left_alone() -> None:
    coarse = Volume(bright_block().voxels, np.diag([3.0, 3.0, 3.0, 1.0]))
    prediction = predicted(coarse, watched(echo), header_of(), spacing_known=False)
    assert not prediction.grid.resamples


@pytest.mark.parametrize("slices", [1, SLICES_AT_ONCE, SLICES_AT_ONCE + 1, 2 * SLICES_AT_ONCE + 3])
@pytest.mark.parametrize("input_slices", [1, 3, 5])
def test_no_more_than_a_few_slices_are_predicted_at_a_time(slices: int, input_slices: int) -> None:
    hu = [200 + 500 * (index % 3 == 0) for index in range(slices)]
    predictor = watched(echo, input_slices)
    steps: list[tuple[int, int]] = []
    mask = predicted(
        constant_slices(*hu),
        predictor,
        header_of(input_slices),
        watch=Watch(lambda stage, done, total: steps.append((done, total))),
    ).mask
    assert all(call[0] <= SLICES_AT_ONCE for call in predictor.calls)
    assert {call[1:] for call in predictor.calls} == {(input_slices, 20, 20)}
    assert sum(call[0] for call in predictor.calls) == slices
    assert mask.voxels[:, 0, 0].tolist() == [index % 3 == 0 for index in range(slices)]
    assert steps[-1] == (slices, slices)


@pytest.mark.parametrize(("channel", "shift"), [(0, -1), (1, 0), (2, 1)])
def test_a_network_of_three_slices_sees_the_ones_below_and_above(channel: int, shift: int) -> None:
    bone = [1, 0, 0, 1, 1, 0, 1, 0, 0, 1, 1, 1, 0, 0, 0, 1, 0, 1]  # crosses two chunk borders
    volume = constant_slices(*(1000 * value + 50 for value in bone))
    mask = predicted(volume, watched(lambda x: x[:, channel], 3), header_of(3)).mask
    last = len(bone) - 1
    expected = [bone[min(max(index + shift, 0), last)] for index in range(len(bone))]
    assert mask.voxels[:, 5, 5].tolist() == expected


def test_the_slice_above_is_towards_the_head_however_the_volume_is_stored() -> None:
    volume = constant_slices(50, 50, 1050, 50)
    upside_down = stored(volume, (0, 1, 2), (False, False, True))
    mask = mask_of(upside_down, watched(lambda x: x[:, 2], 3), header_of(3))
    # Bone in slice 2 is the slice above slice 1, which is stored as number 2.
    assert mask.voxels[:, 5, 5].tolist() == [0, 0, 1, 0]


def test_five_slices_of_a_single_one_are_that_one() -> None:
    seen: list[Tensor] = []

    def look(x: Tensor) -> Tensor:
        seen.append(x)
        return x[:, 4]

    assert predicted(constant_slices(900), watched(look, 5), header_of(5)).mask.voxels.all()
    assert seen[0].shape[1] == 5
    assert (seen[0] == seen[0][:, :1]).all()


def test_a_cancelled_prediction_stops_before_the_next_slices() -> None:
    token = CancelToken()
    predictor = watched(echo)

    def progress(stage: str, done: int, total: int) -> None:
        if done:
            token.cancel()

    volume = constant_slices(*[900] * (3 * SLICES_AT_ONCE))
    with pytest.raises(Cancelled):
        predicted(volume, predictor, header_of(), watch=Watch(progress, token))
    assert len(predictor.calls) == 1


def test_the_scan_is_not_changed() -> None:
    volume = bright_block()
    before = volume.voxels.copy()
    predicted(volume, watched(echo), header_of())
    assert np.array_equal(volume.voxels, before)


def test_the_probability_kept_is_calibrated_and_the_mask_is_not_moved() -> None:
    header = header_of()
    plain = predicted(bright_block(), watched(echo), header)
    other = predicted(bright_block(), watched(echo), replace(header, calibration=(0.5, -1.0)))
    assert np.array_equal(plain.mask.voxels, other.mask.voxels)
    unit = (700 + 300) / 1600
    assert plain.probability.voxels[3, 20, 5] == round(255 * unit)
    logit = 0.5 * np.log(unit / (1 - unit)) - 1.0
    assert other.probability.voxels[3, 20, 5] == round(255 / (1 + np.exp(-logit)))
    assert other.probability.voxels[0].max() == 0  # air that the network never saw


class Bands(nn.Module):
    """Two classes: the first where it is as bright as 700 HU, the second as 1100 HU."""

    def forward(self, x: Tensor) -> Tensor:
        away = [torch.exp(-((x - (hu + 300) / 1600) ** 2) / 0.002) for hu in (700, 1100)]
        return torch.logit(torch.cat(away, dim=1), eps=1e-6)


def test_of_several_classes_the_likeliest_is_told_and_each_keeps_its_probability() -> None:
    volume = constant_slices(50, 700, 1100, 880, 1300)
    engine = TorchEngine(Bands(), torch.device("cpu"), torch.float32, 4, classes=2)
    found = predicted(volume, Predictor(engine, PATCH), header_of())
    assert found.mask.voxels[:, 5, 5].tolist() == [0, 1, 2, 0, 0]
    first, second = (one.voxels[:, 5, 5].tolist() for one in found.probabilities)
    assert (first[1], second[1]) == (255, 0)
    assert (first[2], second[2]) == (0, 255)
    assert (first[0], second[0]) == (0, 0)
    assert found.probability.voxels[:3, 5, 5].tolist() == [0, 255, 255]
    assert all(one.same_grid(volume) for one in found.probabilities)


def test_it_tells_the_windows_seen_and_goes_on_with_a_smaller_engine() -> None:
    class OneAtATime(nn.Module):
        def forward(self, x: Tensor) -> Tensor:
            if len(x) > 1:
                raise torch.OutOfMemoryError("out of memory")
            return x

    engine = TorchEngine(OneAtATime(), torch.device("cpu"), torch.float32, 2)
    found = predicted(constant_slices(*[900] * 11), Predictor(engine, PATCH), header_of())
    assert found.usage == Usage(11, 11 * PATCH**2, ("1 windows per batch",))
    assert found.predictor.engine.windows_per_batch == 1
    assert engine.windows_per_batch == 2
