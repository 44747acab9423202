"""Windows cover every slice, and blend back into it without a trace."""

import re
from dataclasses import dataclass, field, replace

import numpy as np
import pytest
import torch
from tests.refusals import refused
from torch import Tensor, nn

from afunet.errors import Cancelled, DeviceError
from afunet.inference.cutting import AIR, Cutting
from afunet.inference.engines.torch_engine import TorchEngine
from afunet.inference.predictor import Predictor
from afunet.models import build_model
from afunet.watch import CancelToken, Watch

CPU = torch.device("cpu")
PATCH = 32


class Echo(nn.Module):
    """A network whose probability is its input's middle slice; it notes what it was given."""

    def __init__(self) -> None:
        super().__init__()
        self.batches: list[int] = []
        self.shapes: set[tuple[int, int]] = set()

    def forward(self, x: Tensor) -> Tensor:
        self.shapes.add((x.shape[-2], x.shape[-1]))
        self.batches.append(len(x))
        middle = x.shape[1] // 2
        return torch.logit(x[:, middle : middle + 1])


def predictor_of(network: nn.Module, windows_per_batch: int = 4, channels: int = 1) -> Predictor:
    return Predictor(TorchEngine(network, CPU, torch.float32, windows_per_batch, channels), PATCH)


def tissue(count: int, rows: int, columns: int, seed: int = 0) -> np.ndarray:
    """Slices without air: every pixel between 0.1 and 0.9."""
    random = np.random.default_rng(seed).random((count, 1, rows, columns), dtype=np.float32)
    return np.float32(0.1) + np.float32(0.8) * random


def air(*shape: int) -> np.ndarray:
    return np.zeros(shape, dtype=np.float32)


def require_close(found: np.ndarray, expected: np.ndarray, atol: float = 2e-6) -> None:
    np.testing.assert_allclose(found, expected, rtol=0, atol=atol)


SIZES = [
    (32, 32),
    (20, 11),
    (1, 1),
    (33, 32),
    (31, 77),
    (64, 64),
    (57, 101),
    (200, 9),
    (121, 130),
]


@pytest.mark.parametrize("cutting", [Cutting.TRAINED, Cutting.BODY])
@pytest.mark.parametrize(("rows", "columns"), SIZES)
def test_a_slice_of_any_size_comes_back_whole(rows: int, columns: int, cutting: Cutting) -> None:
    slices, network = tissue(2, rows, columns), Echo()
    probability = replace(predictor_of(network), cutting=cutting)(slices).probability
    assert probability.dtype == np.float32
    require_close(probability, slices)
    assert cutting is not Cutting.TRAINED or network.shapes == {(PATCH, PATCH)}


@pytest.mark.parametrize("overlap", [0.0, 0.1, 0.5, 0.75])
def test_every_overlap_gives_the_slice_back(overlap: float) -> None:
    slices = tissue(1, 90, 75)
    predictor = replace(predictor_of(Echo()), overlap=overlap)
    require_close(predictor(slices).probability, slices)


@pytest.mark.parametrize("cutting", [Cutting.TRAINED, Cutting.BODY])
@pytest.mark.parametrize("seed", range(12))
def test_whatever_is_not_air_is_covered_wherever_it_lies(seed: int, cutting: Cutting) -> None:
    rng = np.random.default_rng(seed)
    slices = air(3, 1, 150, 97)
    for item in slices:  # a few pixels and one blob each, corners among them
        item[0][rng.random((150, 97)) < 0.0005] = 0.7
        top, left = rng.integers(80, size=2)
        item[0, top : top + 15, left : left + 12] = 0.6
    slices[0, 0, 0, 0] = slices[0, 0, -1, -1] = slices[1, 0, 0, -1] = 0.5
    require_close(replace(predictor_of(Echo()), cutting=cutting)(slices).probability, slices)


@pytest.mark.parametrize("cutting", Cutting)
def test_air_costs_no_call_and_gives_zero(cutting: Cutting) -> None:
    network = Echo()
    predictor = replace(predictor_of(network), cutting=cutting)
    found = predictor(np.full((3, 1, 70, 70), AIR, dtype=np.float32))
    assert found.probability.shape == (3, 1, 70, 70)
    assert not found.probability.any()
    assert found.usage.windows == 0
    assert network.batches == []


class Dense(Echo):
    """Bone is what is brighter than 0.5."""

    def forward(self, x: Tensor) -> Tensor:
        return super().forward((0.99 * (x > 0.5)).float())


def leg(bone_to: int = 60) -> np.ndarray:
    """A slice of 256 px, of muscle up to its last 32 columns, with bone in it."""
    slices = np.full((1, 1, 256, 256), 0.2, dtype=np.float32)
    slices[..., 224:] = 0
    slices[0, 0, 40:60, 40:bone_to] = 0.8
    return slices


def test_a_network_for_any_size_sees_what_may_be_bone_and_nothing_else() -> None:
    network = Dense()
    found = replace(predictor_of(network), cutting=Cutting.DENSE)(leg())
    assert network.shapes == {(128, 128)}
    assert found.usage.windows == 1
    assert found.predictor.sizes == ((128, 128),)
    require_close(found.probability, np.float32(0.99) * (leg() > 0.5))


def test_where_bone_goes_on_beyond_a_window_the_whole_body_is_seen() -> None:
    class Faint(Echo):
        """A bone whose far end is no denser than muscle: 0.2 in columns 40 to 200."""

        def forward(self, x: Tensor) -> Tensor:
            bone = torch.zeros_like(x)
            bone[:, :, 40:60, :200] = 0.9
            return super().forward(bone * (x > 0.1))

    network, slices = Faint(), np.concatenate([leg(), np.zeros_like(leg())])
    predictor = replace(predictor_of(network), cutting=Cutting.DENSE)
    found = predictor(slices)
    assert network.shapes == {(128, 128), (256, 256)}
    assert found.usage.windows == 2
    assert (found.probability[0, 0, 45, :200] > 0.8).all()
    assert not found.probability[1].any()
    assert found.predictor.cutting is Cutting.DENSE


def test_only_windows_with_something_in_them_are_run() -> None:
    network = Echo()
    slices = air(2, 1, 320, 320)  # 196 windows if all were run
    slices[1, 0, 10:14, 300:303] = 0.5
    slices[1, 0, 300:303, 5:9] = 0.5
    predictor_of(network)(slices)
    assert sum(network.batches) == 2


def test_every_window_is_counted_once_also_where_memory_was_short() -> None:
    predictor, _ = on_small_gpu(fits=2)
    assert predictor(tissue(3, PATCH, PATCH)).usage.windows == 3
    assert predictor(air(5, 1, PATCH, PATCH)).usage.windows == 0
    assert predictor(tissue(2, 40, PATCH)).usage.windows == 4


def test_windows_of_several_slices_share_batches() -> None:
    network = Echo()
    predictor_of(network, windows_per_batch=4)(tissue(9, PATCH, PATCH))
    assert network.batches == [4, 4, 1]


def test_what_else_is_in_the_batch_does_not_matter() -> None:
    network = build_model("afunet", {"width": 4, "depth": 2}, seed=0).eval()
    slices = tissue(3, 50, 40)
    together = predictor_of(network, 5)(slices).probability
    alone = [predictor_of(network, 1)(item[None]).probability for item in slices]
    require_close(together, np.concatenate(alone), atol=1e-6)


def test_a_stack_of_three_is_seen_as_three_and_covered_where_any_has_tissue() -> None:
    stack = air(1, 3, 100, 100)
    stack[0, 1, 10:20, 10:20] = 0.8
    stack[0, 2, 80:90, 80:90] = 0.8  # only a neighbour has tissue here
    network = Echo()
    require_close(predictor_of(network, channels=3)(stack).probability, stack[:, 1:2])
    assert sum(network.batches) == 2


def test_neighbouring_windows_blend_without_an_edge() -> None:
    """Each window answers with its own level; in the overlap the answer goes from one to other."""

    class Levels(nn.Module):
        def forward(self, x: Tensor) -> Tensor:
            levels = torch.linspace(0.2, 0.8, len(x)).view(-1, 1, 1, 1)
            return torch.logit(levels.expand(-1, 1, PATCH, PATCH))

    slices = np.ones((1, 1, PATCH, 56), dtype=np.float32)
    row = predictor_of(Levels())(slices).probability[0, 0, 16]
    steps = np.diff(row)
    assert row[0] == pytest.approx(0.2, abs=1e-5)
    assert row[-1] == pytest.approx(0.8, abs=1e-5)
    assert float(steps.min()) >= -1e-5
    assert float(steps.max()) < 0.35  # eight columns overlap


@dataclass(frozen=True, eq=False)
class SmallGPU(TorchEngine):
    """Stands for a GPU whose memory holds `fits` windows and no more."""

    fits: int = 0
    tried: list[int] = field(default_factory=list)

    def run(self, windows: np.ndarray) -> np.ndarray:
        self.tried.append(len(windows))
        if len(windows) > (self.fits if self.device == "cuda" else 99):
            raise MemoryError("no memory for so many windows")
        return TorchEngine(self.network, CPU, self.dtype, self.windows_per_batch).run(windows)


def numbers(lines: tuple[str, ...]) -> list[int]:
    return [int(number) for line in lines for number in re.findall(r"\d+", line)]


def on_small_gpu(fits: int, network: nn.Module | None = None) -> tuple[Predictor, list[int]]:
    engine = SmallGPU(network or Echo(), torch.device("cuda"), torch.float32, 8, fits=fits)
    return Predictor(engine, PATCH), engine.tried


def test_out_of_memory_halves_the_batch_and_says_so() -> None:
    predictor, tried = on_small_gpu(fits=2)
    slices = tissue(9, PATCH, PATCH)
    found = predictor(slices)
    require_close(found.probability, slices)
    assert numbers(found.usage.fallbacks) == [4, 2]
    assert tried == [8, 4, 2, 2, 2, 2, 1]


def test_the_smaller_batch_is_kept_for_the_next_slices() -> None:
    predictor, tried = on_small_gpu(fits=4)
    first = predictor(tissue(8, PATCH, PATCH))
    assert numbers(first.usage.fallbacks) == [4]
    tried.clear()
    second = first.predictor(tissue(8, PATCH, PATCH))
    assert tried == [4, 4]
    assert second.usage.fallbacks == ()


def test_where_no_large_window_fits_windows_of_the_trained_size_take_over() -> None:
    class Crowded(TorchEngine):
        def run(self, windows: np.ndarray) -> np.ndarray:
            if windows[0].size > PATCH**2:
                raise MemoryError("no memory for so large a window")
            return super().run(windows)

    network, slices = Echo(), tissue(2, 100, 90)
    predictor = Predictor(Crowded(network, CPU, torch.float32, 4), PATCH, Cutting.BODY)
    found = predictor(slices)
    require_close(found.probability, slices)
    assert numbers(found.usage.fallbacks) == [PATCH]
    assert network.shapes == {(PATCH, PATCH)}
    assert found.predictor.cutting is Cutting.TRAINED


def test_large_windows_are_run_one_by_one_and_small_ones_together() -> None:
    network = Echo()
    predictor = replace(predictor_of(network, windows_per_batch=4), cutting=Cutting.BODY)
    predictor(tissue(3, 64, 64))
    assert network.batches == [1, 1, 1]
    network.batches.clear()
    predictor(tissue(6, 32, 32))
    assert network.batches == [4, 2]


def test_where_not_even_one_window_fits_the_cpu_takes_over() -> None:
    predictor, _ = on_small_gpu(fits=0)
    slices = tissue(3, PATCH, 40)
    found = predictor(slices)
    require_close(found.probability, slices)
    assert numbers(found.usage.fallbacks) == [4, 2, 1]
    assert len(found.usage.fallbacks) == 4  # the last is the CPU
    assert found.predictor.engine.device == "cpu"
    assert found.predictor.engine.arithmetic == "float32"
    assert predictor.engine.device == "cuda"


def test_a_bfloat16_network_goes_on_in_float32_on_the_cpu() -> None:
    network = nn.Conv2d(1, 1, 1).bfloat16()
    engine = SmallGPU(network, torch.device("cuda"), torch.bfloat16, 1)
    probability = Predictor(engine, PATCH)(tissue(1, PATCH, PATCH)).probability
    assert probability.dtype == np.float32
    assert np.isfinite(probability).all()


def test_one_scan_s_fallback_leaves_the_engine_usable_for_the_next() -> None:
    """All scans of a call share the engine, and its network must still fit its arithmetic."""
    network = nn.Conv2d(1, 1, 1).bfloat16()
    engine = SmallGPU(network, torch.device("cuda"), torch.bfloat16, 1)
    Predictor(engine, PATCH)(tissue(1, PATCH, PATCH))
    with_memory_again = replace(engine, fits=1)
    probability = Predictor(with_memory_again, PATCH)(tissue(1, PATCH, PATCH)).probability
    assert np.isfinite(probability).all()


def test_when_nothing_smaller_is_left_the_error_says_so_in_one_line() -> None:
    class Starved(nn.Module):
        def forward(self, x: Tensor) -> Tensor:
            raise torch.OutOfMemoryError("out of memory")

    with refused(DeviceError, "OUT_OF_MEMORY"):
        predictor_of(Starved())(tissue(1, PATCH, PATCH))


def test_several_classes_are_kept_apart_and_blended_alike() -> None:
    class Two(nn.Module):
        def forward(self, x: Tensor) -> Tensor:
            return torch.logit(torch.cat([x, 1 - x], dim=1))

    slices = tissue(2, 57, 70)
    engine = TorchEngine(Two(), CPU, torch.float32, 4, classes=2)
    found = Predictor(engine, PATCH)(slices).probability
    require_close(found, np.concatenate([slices, 1 - slices], axis=1))


def test_a_watch_is_told_the_windows_done_and_can_stop_between_batches() -> None:
    network, token = Echo(), CancelToken()
    told: list[tuple[int, int]] = []

    def progress(stage: str, done: int, total: int) -> None:
        told.append((done, total))
        token.cancel()

    with pytest.raises(Cancelled):
        predictor_of(network)(tissue(9, PATCH, PATCH), Watch(progress, token))
    assert told == [(4, 9)]
    assert network.batches == [4, 4]
