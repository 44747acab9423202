"""Which way to run a network is chosen: by rule, by a trial, and by what a trial said before."""

import os
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pytest
import torch
from tests.refusals import refused

from afunet.errors import CheckpointError, ConfigError, DeviceError
from afunet.inference.cpu import Cpu
from afunet.inference.device_choice import DeviceChoice
from afunet.inference.engines import factory, trial_cache, ways
from afunet.inference.engines.factory import best_engine, fastest
from afunet.inference.engines.runtimes import RUNTIMES, Runtime
from afunet.inference.engines.torch_engine import pick_device
from afunet.inference.engines.ways import Way, ways_to_run
from afunet.inference.runtime_choice import RuntimeChoice
from afunet.models.header import Header
from afunet.models.network_file import NetworkFile

PLAIN = Cpu("Laptop", "x86_64", frozenset({"avx2"}), 2)
HALVES = replace(PLAIN, flags=frozenset({"avx2", "avx512_bf16"}))
HEADER = Header("any", {}, (0.0, 1.0), (1.0, 1.0), 32)
FILE = NetworkFile("any.onnx", HEADER, "ab" * 32, graph=b"graph")
CPU, CUDA, AUTO = DeviceChoice.CPU, DeviceChoice.CUDA, RuntimeChoice.AUTO


@dataclass(frozen=True)
class Fake:
    """An engine that holds `fits` windows at a time and whose clock the test sets."""

    runtime: str
    device: str
    arithmetic: str
    fits: int = 2
    windows_per_batch: int = 2
    channels: int = 1
    classes: int = 1

    def run(self, windows: np.ndarray) -> np.ndarray:
        if len(windows) > self.fits:
            raise MemoryError
        return windows

    def smaller(self) -> tuple["Fake", str]:
        return replace(self, windows_per_batch=self.windows_per_batch // 2), "half"


@dataclass(frozen=True)
class FakeRuntime(Runtime):
    """A runtime that lacks some number formats, and sees a GPU or none."""

    name: str = ""
    there: bool = True
    lacks: tuple[str, ...] = ()
    cuda: bool = False
    fits: int = 2

    @property
    def installed(self) -> bool:
        return self.there

    @property
    def version(self) -> str:
        return "1.0"

    def has_cuda(self) -> bool:
        return self.cuda

    def open(self, file: NetworkFile, device: str, arithmetic: str) -> Fake:
        if arithmetic in self.lacks:
            raise RuntimeError(f"no {arithmetic} here")
        return Fake(self.name, device, arithmetic, self.fits)


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(trial_cache, "folder", lambda: tmp_path / "cache")
    return tmp_path / "cache"


@pytest.fixture(autouse=True)
def _real_runtimes_come_back() -> Iterator[None]:
    before = dict(RUNTIMES)
    yield
    RUNTIMES.clear()
    RUNTIMES.update(before)


def given(**runtimes: dict[str, object]) -> None:
    """The table holds fakes of these runtimes in its own order; the others are not installed."""
    for name, real in list(RUNTIMES.items()):
        known = {key: getattr(real, key) for key in ("package", "module", "opener", "reads")}
        can = {key: getattr(real, key) for key in ("bfloat16", "int8", "gpu")}
        options = {"there": name in runtimes, **runtimes.get(name, {})}
        RUNTIMES[name] = FakeRuntime(**known, **can, name=name, **options)  # type: ignore[arg-type]


def clocks(monkeypatch: pytest.MonkeyPatch, seconds: dict[str, float]) -> list[str]:
    """The clock of the trial says what the test says; returns the ways that it was read for."""
    timed: list[str] = []

    def reading(engine: Fake, window: np.ndarray) -> float:
        timed.append(f"{engine.runtime} {engine.arithmetic}")
        return seconds[timed[-1]]

    monkeypatch.setattr(factory, "_timed", reading)
    return timed


def names(found: tuple[Way, ...]) -> list[str]:
    return [str(way) for way in found]


# By rule


def test_without_bfloat16_the_first_runtime_of_the_table_runs_and_nothing_is_tried(
    monkeypatch: pytest.MonkeyPatch, cache: Path
) -> None:
    timed = clocks(monkeypatch, {})
    given(openvino={}, onnx={})
    engine, trial = best_engine(FILE, CPU, AUTO, PLAIN)
    assert (engine.runtime, engine.arithmetic) == ("openvino", "float32")
    assert (trial.chosen, trial.seconds_per_window) == ("openvino float32", {})
    assert "avx512_bf16" in trial.reason
    assert timed == []
    assert not cache.exists()
    given(onnx={})
    assert best_engine(FILE, CPU, AUTO, PLAIN)[0].runtime == "onnx"


@pytest.mark.parametrize("flags", [{"avx2"}, {"avx512f"}, set()])
def test_bfloat16_is_no_way_on_a_processor_that_lacks_it(flags: set[str]) -> None:
    given(openvino={}, onnx={})
    found = ways_to_run(FILE, CPU, AUTO, replace(PLAIN, flags=frozenset(flags)))
    assert names(found) == ["openvino float32"]


@pytest.mark.parametrize("flag", ["avx512_bf16", "amx_bf16"])
def test_it_is_one_where_the_processor_has_it(flag: str) -> None:
    given(openvino={}, onnx={})
    found = ways_to_run(FILE, CPU, AUTO, replace(PLAIN, flags=frozenset({flag})))
    assert names(found) == ["openvino float32", "openvino bfloat16"]


def test_on_processors_that_the_rule_does_not_know_each_runtime_is_a_way() -> None:
    given(openvino={}, onnx={})
    found = ways_to_run(FILE, CPU, AUTO, Cpu("M3", "arm64", frozenset(), 8))
    assert names(found) == ["openvino float32", "onnx float32"]


def test_whole_numbers_run_by_rule_and_not_with_pytorch() -> None:
    given(openvino={}, onnx={}, torch={})
    whole = replace(FILE, arithmetic="int8")
    assert names(ways_to_run(whole, CPU, AUTO, HALVES)) == ["openvino int8"]
    assert names(ways_to_run(whole, CPU, RuntimeChoice.ONNX, HALVES)) == ["onnx int8"]
    with refused(CheckpointError, "RUNTIME_MISFIT", "any.onnx", "torch", "int8"):
        ways_to_run(whole, CPU, RuntimeChoice.TORCH, HALVES)


# By trial

TIMES = [(0.85, "openvino bfloat16"), (0.95, "openvino float32"), (3.0, "openvino float32")]


@pytest.mark.parametrize(("bfloat16_seconds", "chosen"), TIMES)
def test_bfloat16_must_be_a_tenth_faster(
    monkeypatch: pytest.MonkeyPatch, bfloat16_seconds: float, chosen: str
) -> None:
    seconds = {"openvino float32": 1.0, "openvino bfloat16": bfloat16_seconds}
    clocks(monkeypatch, seconds)
    given(openvino={}, onnx={})
    engine, trial = best_engine(FILE, CPU, AUTO, HALVES)
    assert (trial.device, trial.chosen) == ("cpu", chosen)
    assert trial.seconds_per_window == seconds
    assert f"{engine.runtime} {engine.arithmetic}" == chosen


@pytest.mark.parametrize(("lacking", "chosen"), [("bfloat16", "float32"), ("float32", "bfloat16")])
def test_an_arithmetic_that_the_device_lacks_is_left_out(
    monkeypatch: pytest.MonkeyPatch, lacking: str, chosen: str
) -> None:
    clocks(monkeypatch, {f"openvino {chosen}": 1.0})
    given(openvino={"lacks": (lacking,)})
    _, trial = best_engine(FILE, CPU, AUTO, HALVES)
    assert trial.chosen == f"openvino {chosen}"
    assert list(trial.seconds_per_window) == [trial.chosen]


def test_a_device_that_runs_nothing_is_refused() -> None:
    given(openvino={"lacks": ("float32", "bfloat16")})
    with refused(DeviceError, "NO_ARITHMETIC", "cpu"):
        fastest(FILE, ways_to_run(FILE, CPU, AUTO, HALVES))


@pytest.mark.parametrize(("fits", "batch"), [(2, 2), (1, 1)])
def test_a_trial_takes_the_largest_batch_that_the_memory_holds(
    monkeypatch: pytest.MonkeyPatch, fits: int, batch: int
) -> None:
    sizes = []

    def reading(engine: Fake, window: np.ndarray) -> float:
        sizes.append(engine.windows_per_batch)
        return 1.0

    monkeypatch.setattr(factory, "_timed", reading)
    given(openvino={"fits": fits})
    fastest(FILE, ways_to_run(FILE, CPU, AUTO, HALVES))
    assert set(sizes) == {batch}


# Remembered


def test_a_trial_is_made_once_and_its_answer_stays_although_clocks_change(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    given(openvino={})
    clocks(monkeypatch, {"openvino float32": 1.0, "openvino bfloat16": 0.5})
    first, _ = best_engine(FILE, CPU, AUTO, HALVES)
    timed = clocks(monkeypatch, {"openvino float32": 1.0, "openvino bfloat16": 2.0})
    again, trial = best_engine(FILE, CPU, AUTO, HALVES)
    assert again == first
    assert timed == []
    assert trial.seconds_per_window == {"openvino float32": 1.0, "openvino bfloat16": 0.5}


@pytest.mark.parametrize(
    ("file", "cpu"),
    [
        (replace(FILE, sha256="cd" * 32), HALVES),
        (FILE, replace(HALVES, model="Another")),
        (FILE, replace(HALVES, flags=HALVES.flags | {"amx_bf16"})),
        (FILE, replace(HALVES, threads=1)),
    ],
    ids=["weights", "model", "flags", "threads"],
)
def test_other_weights_processors_and_threads_are_other_questions(
    monkeypatch: pytest.MonkeyPatch, file: NetworkFile, cpu: Cpu
) -> None:
    given(openvino={})
    timed = clocks(monkeypatch, {"openvino float32": 1.0, "openvino bfloat16": 0.5})
    best_engine(FILE, CPU, AUTO, HALVES)
    tried = len(timed)
    best_engine(file, CPU, AUTO, cpu)
    assert len(timed) == 2 * tried > 0


@pytest.mark.parametrize(
    "content", ["", "{", "[]", '{"question": {}, "chosen": "x", "seconds": {}}', "\x00" * 9]
)
def test_a_broken_or_foreign_answer_is_replaced(
    monkeypatch: pytest.MonkeyPatch, cache: Path, content: str
) -> None:
    given(openvino={})
    timed = clocks(monkeypatch, {"openvino float32": 1.0, "openvino bfloat16": 0.5})
    best_engine(FILE, CPU, AUTO, HALVES)
    (answer,) = cache.iterdir()
    answer.write_text(content)
    tried = len(timed)
    assert best_engine(FILE, CPU, AUTO, HALVES)[0].arithmetic == "bfloat16"
    assert len(timed) == 2 * tried
    assert [path.name for path in cache.iterdir()] == [answer.name]
    best_engine(FILE, CPU, AUTO, HALVES)
    assert len(timed) == 2 * tried


SECONDS = {"openvino float32": 1.0, "openvino bfloat16": 0.5}


@pytest.fixture
def question() -> trial_cache.Question:
    trial_cache.folder().mkdir()
    return trial_cache.Question(ways_to_run(FILE, CPU, AUTO, HALVES), HALVES, FILE.sha256)


@pytest.mark.parametrize(
    "seconds", [{}, {"openvino float32": 1.0}, SECONDS | {"x": float("nan")}, SECONDS | {"x": -1}]
)
def test_an_answer_without_possible_seconds_of_the_chosen_way_counts_as_none(
    seconds: dict[str, float], question: trial_cache.Question
) -> None:
    trial_cache.keep_answer(question, "openvino bfloat16", seconds)
    assert trial_cache.read_answer(question) is None
    trial_cache.keep_answer(question, "openvino bfloat16", SECONDS)
    assert trial_cache.read_answer(question) == ("openvino bfloat16", SECONDS)


def test_an_answer_nested_too_deep_to_read_counts_as_none(
    question: trial_cache.Question, cache: Path
) -> None:
    trial_cache.keep_answer(question, "openvino bfloat16", SECONDS)
    next(cache.iterdir()).write_text("[" * 100_000)
    assert trial_cache.read_answer(question) is None


def test_of_two_processes_that_answer_at_once_the_first_one_s_answer_stays(
    question: trial_cache.Question, cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    link = os.link

    def overtaken(*names: Path) -> None:
        monkeypatch.setattr("os.link", link)
        trial_cache.keep_answer(question, "openvino float32", SECONDS)
        link(*names)

    monkeypatch.setattr("os.link", overtaken)
    trial_cache.keep_answer(question, "openvino bfloat16", SECONDS)
    assert trial_cache.read_answer(question) == ("openvino float32", SECONDS)
    assert len(list(cache.iterdir())) == 1


@pytest.mark.parametrize("links", [True, False])
def test_a_folder_in_the_place_of_an_answer_is_left_and_none_is_kept(
    links: bool, question: trial_cache.Question, cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object) -> None:
        raise PermissionError

    if not links:
        monkeypatch.setattr("os.link", refuse)
    trial_cache.keep_answer(question, "openvino bfloat16", SECONDS)
    assert trial_cache.read_answer(question) == ("openvino bfloat16", SECONDS)
    (answer,) = cache.iterdir()
    answer.unlink()
    answer.mkdir()
    trial_cache.keep_answer(question, "openvino bfloat16", SECONDS)
    assert trial_cache.read_answer(question) is None
    assert list(cache.iterdir()) == [answer]


def test_without_a_place_for_the_answer_the_rule_decides(
    monkeypatch: pytest.MonkeyPatch, cache: Path
) -> None:
    given(openvino={})
    timed = clocks(monkeypatch, {"openvino float32": 1.0, "openvino bfloat16": 0.5})
    cache.write_text("a file where the folder should be")
    engine, trial = best_engine(FILE, CPU, AUTO, HALVES)
    assert (engine.runtime, engine.arithmetic) == ("openvino", "float32")
    assert trial.seconds_per_window == {}
    assert timed == []


# Refused


def test_an_unknown_runtime_is_refused_with_those_there_are() -> None:
    with refused(ConfigError, "CONFIG_ERROR", "'tensorrt'", *RuntimeChoice):
        ways_to_run(FILE, CPU, "tensorrt", PLAIN)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("runtime", "extra"), [("openvino", "afunet[openvino]"), ("torch", "afunet[train]")]
)
def test_a_runtime_that_is_not_installed_is_refused_with_the_command(
    runtime: str, extra: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    given(onnx={})
    monkeypatch.setattr("afunet.extras.installed", lambda package: False)
    both = replace(FILE, checkpoint=object())  # type: ignore[arg-type]
    with refused(ConfigError, "PACKAGE_MISSING", f"pip install '{extra}'"):
        ways_to_run(both, CPU, RuntimeChoice(runtime), PLAIN)


@pytest.mark.parametrize("runtime", ["onnx", "openvino"])
def test_a_checkpoint_without_its_onnx_file_is_not_run_by_others(runtime: str) -> None:
    given(openvino={}, onnx={}, torch={})
    alone = NetworkFile("own.safetensors", HEADER, "", checkpoint=object())  # type: ignore[arg-type]
    with refused(CheckpointError, "RUNTIME_MISFIT", "own.safetensors", runtime, "--runtime torch"):
        ways_to_run(alone, CPU, RuntimeChoice(runtime), PLAIN)
    assert names(ways_to_run(alone, CPU, AUTO, PLAIN)) == ["torch float32"]


def test_an_onnx_file_is_not_run_by_pytorch() -> None:
    with refused(CheckpointError, "RUNTIME_MISFIT", "any.onnx", "torch"):
        ways_to_run(FILE, CPU, RuntimeChoice.TORCH, PLAIN)


# Devices


def test_a_gpu_is_taken_by_the_runtime_that_sees_it_unless_the_cpu_is_asked_for() -> None:
    given(openvino={}, onnx={}, torch={"cuda": True})
    both = replace(FILE, checkpoint=object())  # type: ignore[arg-type]
    for device in (CUDA, DeviceChoice.AUTO):
        found = ways_to_run(both, device, AUTO, PLAIN)
        assert [(way.device, str(way)) for way in found] == [
            ("cuda", "torch float32"),
            ("cuda", "torch bfloat16"),
        ]
    assert names(ways_to_run(both, CPU, AUTO, PLAIN)) == ["openvino float32"]


@pytest.mark.parametrize("runtime", RuntimeChoice)
def test_cuda_without_a_gpu_is_refused_and_told_what_to_do(runtime: RuntimeChoice) -> None:
    given(openvino={}, onnx={}, torch={})
    both = replace(FILE, checkpoint=object())  # type: ignore[arg-type]
    with refused(DeviceError, "NO_CUDA", "--device cpu"):
        ways_to_run(both, CUDA, runtime, PLAIN)


def test_a_gpu_is_not_asked_for_without_a_driver(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("afunet.inference.engines.runtimes.has_driver", lambda: False)
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    assert not any(runtime.has_cuda() for runtime in RUNTIMES.values())
    assert ways._device(("torch",), DeviceChoice.AUTO) == "cpu"


@pytest.mark.parametrize("available", [True, False])
def test_training_takes_a_gpu_unless_the_cpu_is_asked_for(
    available: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: available)
    assert pick_device(DeviceChoice.AUTO).type == ("cuda" if available else "cpu")
    assert pick_device(CPU).type == "cpu"
    if available:
        assert pick_device(CUDA).type == "cuda"
    else:
        with refused(DeviceError, "NO_CUDA", "--device cpu"):
            pick_device(CUDA)
