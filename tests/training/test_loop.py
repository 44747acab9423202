"""The loop learns, stops, and goes on as if it had never stopped."""

import csv
import errno
import json
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from tests.refusals import refused
from torch import Tensor, nn

from afunet.data.augment import AugmentConfig
from afunet.data.labelled import load_labelled
from afunet.data.sampler import CropConfig, CropSampler, Source
from afunet.errors import AfunetError, Cancelled, CheckpointError, ConfigError, OutputError
from afunet.models import build_model
from afunet.training.config import DataConfig, Optimizer, Precision, Schedule, TrainingConfig
from afunet.training.determinism import determinism
from afunet.training.distributed import World
from afunet.training.loop import train
from afunet.training.losses import segmentation_loss
from afunet.training.recording import NoRecorder
from afunet.training.state import LAST, save, start
from afunet.training.task import segmentation
from afunet.watch import CancelToken, Watch

OPTIONS = {"width": 4, "depth": 2}
CONFIG = TrainingConfig(
    data=(DataConfig("store"),),
    options=OPTIONS,
    steps=6,
    batch_size=2,
    crop=CropConfig(32),
    learning_rate=0.01,
    warmup_steps=2,
    average_decay=0.8,
    recalibration_batches=2,
    validate_every=4,
)
CPU = torch.device("cpu")
Weights = Mapping[str, Tensor]


def training(store: Path) -> Source:
    return Source(load_labelled(store, "train"))


@pytest.fixture
def sampler(store: Path) -> CropSampler:
    return CropSampler([training(store)], CONFIG.crop, AugmentConfig(), seed=0)


def by_step(scores: list[float]) -> Callable[[nn.Module, int], float]:
    """A validation that gives the listed scores one after the other."""
    coming = iter(scores)
    return lambda model, step: next(coming)


def run_of(
    run: Path,
    sampler: CropSampler,
    config: TrainingConfig = CONFIG,
    *,
    validate: Callable[[nn.Module, int], float] = lambda model, step: 0.5,
    keep_best: Callable[[nn.Module, int, float], None] = lambda model, step, score: None,
    **others: Any,
) -> float:
    task = segmentation(config, sampler)
    return train(config, task, run, validate=validate, keep_best=keep_best, device=CPU, **others)


def stop_after(steps: int) -> dict[str, Any]:
    """Progress and token of a user who cancels once `steps` steps are done."""
    token = CancelToken()

    def progress(stage: str, done: int, total: int) -> None:
        if done >= steps:
            token.cancel()

    return {"watch": Watch(progress, token)}


def saved(run: Path) -> dict[str, Any]:
    state: dict[str, Any] = torch.load(run / LAST, weights_only=True)
    return state


def logged(run: Path) -> list[dict[str, str]]:
    with (run / "log.csv").open(newline="") as file:
        return list(csv.DictReader(file))


def flat(state: Any) -> list[Any]:
    """All leaves of nested dicts and lists, tensors as their bytes."""
    if isinstance(state, Mapping):
        return [leaf for key in state for leaf in [key, *flat(state[key])]]
    if isinstance(state, list | tuple):
        return [leaf for entry in state for leaf in flat(entry)]
    return [state.numpy().tobytes()] if isinstance(state, Tensor) else [state]


def test_the_loss_falls_within_thirty_steps(tmp_path: Path, store: Path) -> None:
    run = tmp_path / "run"
    still = AugmentConfig((1, 1), 0, False, 0, 0, 0, 0, 0, 0, 0)
    unchanged = CropSampler([training(store)], CONFIG.crop, still, seed=0)
    run_of(run, unchanged, replace(CONFIG, steps=30, validate_every=30))
    losses = [float(row["loss"]) for row in logged(run)]
    assert len(losses) == 30
    assert sum(losses[-10:]) < 0.8 * sum(losses[:10])
    assert max(losses[-10:]) < min(losses[:3])


@pytest.mark.parametrize(
    ("optimizer", "average_decay"), [(Optimizer.ADAMW, 0.8), (Optimizer.SGD, 0.0)]
)
def test_a_run_that_was_interrupted_ends_with_the_same_bits(
    tmp_path: Path, sampler: CropSampler, optimizer: Optimizer, average_decay: float
) -> None:
    config = replace(CONFIG, optimizer=optimizer, average_decay=average_decay)
    shipped: list[Weights] = []

    def validate(model: nn.Module, step: int) -> float:
        shipped.append(model.state_dict())
        return 0.5

    unbroken, broken = tmp_path / "unbroken", tmp_path / "broken"
    run_of(unbroken, sampler, config, validate=validate)
    for stop in (3, 5):
        with pytest.raises(Cancelled):
            run_of(broken, sampler, config, **stop_after(stop))
        assert saved(broken)["step"] == stop
    run_of(broken, sampler, config, validate=validate)
    assert flat(saved(broken)) == flat(saved(unbroken))
    after_4, after_6, after_6_again = map(flat, shipped)
    assert after_6_again == after_6
    assert after_4 != after_6


def test_another_initial_weight_changes_the_end(tmp_path: Path, sampler: CropSampler) -> None:
    """So that the comparison of bits above is one that can fail."""
    for seed in (0, 1):
        run_of(tmp_path / str(seed), sampler, replace(CONFIG, steps=1, seed=seed))
    assert flat(saved(tmp_path / "0")) != flat(saved(tmp_path / "1"))


def test_given_weights_are_where_the_run_begins(tmp_path: Path, sampler: CropSampler) -> None:
    given = build_model("afunet", OPTIONS, seed=5).state_dict()
    tiny = replace(CONFIG, steps=1, learning_rate=1e-12, warmup_steps=0)
    run_of(tmp_path, sampler, tiny, initial=given)
    weights = saved(tmp_path)["model"]
    torch.testing.assert_close(weights["head.weight"], given["head.weight"], atol=1e-9, rtol=0)


def test_validation_sees_the_averaged_network_in_evaluation_mode(
    tmp_path: Path, sampler: CropSampler
) -> None:
    seen: list[Weights] = []

    def validate(model: nn.Module, step: int) -> float:
        assert not any(module.training for module in model.modules())
        seen.append(model.state_dict())
        return 0.5

    run_of(tmp_path, sampler, validate=validate)
    average = saved(tmp_path)["average"]
    last = saved(tmp_path)["model"]
    assert len(seen) == 2  # after step 4, and after the last
    assert torch.equal(seen[-1]["head.weight"], average["module.head.weight"])
    assert not torch.equal(seen[-1]["head.weight"], last["head.weight"])
    mean = next(name for name in last if name.endswith("running_mean"))
    assert not torch.equal(seen[-1][mean], last[mean])  # recalibrated


def test_only_a_higher_score_is_kept_and_the_best_is_returned(
    tmp_path: Path, sampler: CropSampler
) -> None:
    kept: list[tuple[int, float]] = []
    best = run_of(
        tmp_path,
        sampler,
        replace(CONFIG, validate_every=1),
        validate=by_step([0.2, 0.6, 0.6, 0.5, 0.7, 0.1]),
        keep_best=lambda model, step, score: kept.append((step, score)),
    )
    assert kept == [(1, 0.2), (2, 0.6), (5, 0.7)]
    assert best == 0.7


def test_the_best_score_so_far_survives_an_interruption(
    tmp_path: Path, sampler: CropSampler
) -> None:
    kept: list[int] = []
    config = replace(CONFIG, steps=4, validate_every=1)
    with pytest.raises(Cancelled):
        run_of(tmp_path, sampler, config, validate=by_step([0.1, 0.9]), **stop_after(2))
    best = run_of(
        tmp_path,
        sampler,
        config,
        validate=by_step([0.8, 0.85]),
        keep_best=lambda model, step, score: kept.append(step),
    )
    assert best == 0.9
    assert kept == []


def test_a_finished_run_is_not_trained_again(tmp_path: Path, sampler: CropSampler) -> None:
    run_of(tmp_path, sampler, validate=lambda model, step: 0.4)
    before = (tmp_path / LAST).read_bytes()
    assert run_of(tmp_path, sampler, validate=lambda model, step: 1.0) == 0.4
    assert (tmp_path / LAST).read_bytes() == before
    assert len(logged(tmp_path)) == 6


def test_a_run_cancelled_before_its_first_step_can_go_on(
    tmp_path: Path, sampler: CropSampler
) -> None:
    token = CancelToken()
    token.cancel()
    with pytest.raises(Cancelled):
        run_of(tmp_path, sampler, watch=Watch(cancel=token))
    assert saved(tmp_path)["step"] == 0
    run_of(tmp_path, sampler)
    assert saved(tmp_path)["step"] == 6


def test_another_configuration_in_the_same_folder_is_refused(
    tmp_path: Path, sampler: CropSampler
) -> None:
    run_of(tmp_path, sampler)
    written = (tmp_path / "config.json").read_text()
    with refused(ConfigError, "RUN_DIFFERS"):
        run_of(tmp_path, sampler, replace(CONFIG, learning_rate=0.02))
    assert (tmp_path / "config.json").read_text() == written
    assert json.loads(written)["learning_rate"] == 0.01


@pytest.mark.parametrize("content", [b"", b"no checkpoint", b"PK\x03\x04 half a zip"])
def test_a_broken_checkpoint_is_refused_in_one_line(
    tmp_path: Path, sampler: CropSampler, content: bytes
) -> None:
    (tmp_path / LAST).write_bytes(content)
    with refused(CheckpointError, "NOT_RESUMED", "last.pt"):
        run_of(tmp_path, sampler)


def test_the_log_has_each_step_once_with_its_rate(tmp_path: Path, sampler: CropSampler) -> None:
    with pytest.raises(Cancelled):
        run_of(tmp_path, sampler, **stop_after(3))
    run_of(tmp_path, sampler)
    rows = logged(tmp_path)
    assert [int(row["step"]) for row in rows] == [1, 2, 3, 4, 5, 6]
    rates = [float(row["learning_rate"]) for row in rows]
    expected = [0.01 * min(1, (i + 1) / 3) * (1 - i / 6) ** 0.9 for i in range(6)]
    assert rates == pytest.approx(expected, abs=1e-7)


def test_the_log_has_each_step_once_after_a_crash_too(tmp_path: Path, sampler: CropSampler) -> None:
    def crash(stage: str, done: int, total: int) -> None:
        if done == 5:  # the last checkpoint is of step 4
            raise RuntimeError("power cut")

    with pytest.raises(RuntimeError, match="power cut"):
        run_of(tmp_path, sampler, watch=Watch(crash))
    run_of(tmp_path, sampler)
    assert [int(row["step"]) for row in logged(tmp_path)] == [1, 2, 3, 4, 5, 6]


def test_scalars_and_progress_are_reported(tmp_path: Path, sampler: CropSampler) -> None:
    scalars: list[tuple[str, int]] = []

    class Listener(NoRecorder):
        def scalar(self, name: str, value: float, step: int) -> None:
            scalars.append((name, step))

    steps: list[tuple[int, int]] = []
    run_of(
        tmp_path,
        sampler,
        record=Listener(),
        watch=Watch(lambda stage, done, total: steps.append((done, total))),
    )
    assert [step for name, step in scalars if name == "validation dice"] == [4, 6]
    assert [step for name, step in scalars if name == "loss"] == [1, 2, 3, 4, 5, 6]
    assert steps == [(done, 6) for done in range(1, 7)]


def test_nothing_half_written_is_left_behind(tmp_path: Path, sampler: CropSampler) -> None:
    run_of(tmp_path, sampler)
    assert {path.name for path in tmp_path.iterdir() if path.is_file()} == {
        "config.json",
        "last.pt",
        "log.csv",
        "validation.csv",
    }


def test_a_loss_that_is_not_finite_stops_the_run_and_is_not_saved(
    tmp_path: Path, sampler: CropSampler
) -> None:
    broken = build_model("afunet", OPTIONS, seed=0).state_dict()
    broken["head.bias"].fill_(float("nan"))
    with refused(AfunetError, "LOSS_NOT_FINITE"):
        run_of(tmp_path, sampler, initial=broken)
    assert not (tmp_path / LAST).exists()


def test_a_cancelled_run_says_where_it_goes_on(tmp_path: Path, sampler: CropSampler) -> None:
    with refused(Cancelled, "CANCELLED", 3):
        run_of(tmp_path, sampler, **stop_after(3))
    assert saved(tmp_path)["step"] == 3


def test_the_rate_falls_once_an_epoch_where_the_schedule_says_so(
    tmp_path: Path, sampler: CropSampler
) -> None:
    config = replace(CONFIG, schedule=Schedule.EPOCH, warmup_steps=0)
    run_of(tmp_path, sampler, config)  # four slices, two a step: an epoch is two steps
    rates = [float(row["learning_rate"]) for row in logged(tmp_path)]
    expected = [0.01 * (1 - done / 6) ** 0.9 for done in (0, 0, 2, 2, 4, 4)]
    assert rates == pytest.approx(expected, abs=1e-7)


def test_epochs_decide_how_many_steps_there_are(tmp_path: Path, sampler: CropSampler) -> None:
    run_of(tmp_path, sampler, replace(CONFIG, epochs=5, batch_size=3))
    assert saved(tmp_path)["step"] == 7  # 5 · 4 slices, 3 a step


def test_an_accumulated_loss_is_the_mean_over_its_parts(
    tmp_path: Path, sampler: CropSampler
) -> None:
    config = replace(CONFIG, steps=1, batch_size=4, accumulate=2)
    run_of(tmp_path, sampler, config)
    images, masks = sampler.batch(0, 4)
    network = build_model("afunet", OPTIONS, seed=config.seed).train()
    parts = [
        float(segmentation_loss(network(images[rows]).detach(), masks[rows], 0.5))
        for rows in (slice(0, 2), slice(2, 4))
    ]
    assert float(logged(tmp_path)[0]["loss"]) == pytest.approx(sum(parts) / 2, abs=2e-6)
    assert abs(parts[0] - parts[1]) > 1e-3


def test_a_batch_that_the_processes_cannot_share_is_refused(
    tmp_path: Path, sampler: CropSampler
) -> None:
    with refused(ConfigError, "BATCH_UNEVEN", "batch_size 2", 3):
        run_of(tmp_path, sampler, world=World(0, 3))
    with refused(ConfigError, "BATCH_UNEVEN", "batch_size 3", 2):
        replace(CONFIG, batch_size=3, accumulate=2)


def test_validation_scores_are_logged_once_each_also_after_a_crash(
    tmp_path: Path, sampler: CropSampler
) -> None:
    def crash(stage: str, done: int, total: int) -> None:
        if done == 5:
            raise RuntimeError("power cut")

    config = replace(CONFIG, validate_every=2)
    with pytest.raises(RuntimeError, match="power cut"):
        run_of(tmp_path, sampler, config, watch=Watch(crash))
    run_of(tmp_path, sampler, config, validate=lambda model, step: step / 10)
    rows = (tmp_path / "validation.csv").read_text().splitlines()
    assert rows == ["step,dice", "2,0.500000", "4,0.500000", "6,0.600000"]


def test_a_full_disk_leaves_the_checkpoint_before(
    tmp_path: Path, sampler: CropSampler, monkeypatch: pytest.MonkeyPatch
) -> None:
    run_of(tmp_path, sampler, replace(CONFIG, steps=2))
    before = (tmp_path / LAST).read_bytes()

    def full(path: Path, content: bytes) -> None:
        with path.open("wb") as file:
            file.write(content[:4])
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(Path, "write_bytes", full)
    with refused(OutputError, "DISK_FULL", "last.pt"):
        save(start(CONFIG, build_model("afunet", OPTIONS), tmp_path, CPU), tmp_path)
    assert (tmp_path / LAST).read_bytes() == before
    assert not list(tmp_path.glob(".writing-*"))


def test_settings_of_determinism_come_back_after_it() -> None:
    for wanted in (True, False):
        with determinism(wanted):
            assert torch.are_deterministic_algorithms_enabled() is wanted
        assert not torch.are_deterministic_algorithms_enabled()


def test_half_precision_with_loss_scaling_resumes_with_its_scale(
    tmp_path: Path, sampler: CropSampler
) -> None:
    config = replace(CONFIG, precision=Precision.FP16, steps=2)
    run_of(tmp_path, sampler, config)
    assert saved(tmp_path)["scaler"]["scale"] > 1
    weights = saved(tmp_path)["model"]
    assert all(weight.isfinite().all() for weight in weights.values())
