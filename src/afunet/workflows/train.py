"""From slice folders and a configuration to a network worth keeping."""

from __future__ import annotations

import copy
import os
import subprocess
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import nn

from afunet.data.cases import SliceRecord, read_slice_table, refuse_leaks
from afunet.data.slices import CropSampler, LabelledSlice, Source, load_slices
from afunet.errors import ConfigError, InputError
from afunet.evaluation.overlap import METRICS, Counts, count
from afunet.inference.device import DeviceChoice, pick_device
from afunet.inference.predictor import Engine, Predictor
from afunet.models import build_model
from afunet.models.checkpoint import Header, load_checkpoint, save_checkpoint
from afunet.preprocessing import BONE_WINDOW
from afunet.progress import CancelToken, Progress, silent
from afunet.training.config import Precision, TrainingConfig
from afunet.training.loop import Record, train
from afunet.workflows.staging import check_writable

BEST = "best.safetensors"


@dataclass(frozen=True)
class TrainingResult:
    """The best validation score (mean Dice per case) and the checkpoint that reached it."""

    validation_dice: float
    checkpoint: Path


def train_network(
    config: TrainingConfig,
    run: Path,
    *,
    base: Path = Path(),
    device: DeviceChoice = DeviceChoice.AUTO,
    threads: int | None = None,
    record: Record = lambda name, value, step: None,
    progress: Progress = silent,
    cancel: CancelToken | None = None,
) -> TrainingResult:
    """Train as `config` says into the folder `run`, going on where an earlier call stopped."""
    if threads is not None and threads < 1:
        raise ConfigError(f"threads must be 1 or more, got {threads}")
    build_model(config.model, config.options, seed=0)  # a wrong name or option, before the reading
    if threads:
        torch.set_num_threads(threads)
    check_writable(run)
    place = pick_device(device)
    folders = [_locate(entry.path, base) for entry in config.data]
    tables = [read_slice_table(folder) for folder in folders]
    refuse_leaks(record for table in tables for record in table)
    inputs = int(config.options.get("input_slices", 1))
    sources = [
        Source(load_slices(train_records, inputs, progress), entry.weight)
        for entry, table in zip(config.data, tables, strict=True)
        if (train_records := _of_split(table, "train"))
    ]
    if not sources:
        raise InputError("no labelled slice in split 'train' of any [[data]] folder")
    held_out = [record for table in tables for record in _of_split(table, "val")]
    loaded = load_slices(held_out, inputs, progress)  # all, for the neighbours of those checked
    validation = [item for item in loaded if item.record.status == "checked"] or loaded
    if not validation:
        raise InputError("no labelled slice in split 'val': the best step could not be chosen")
    sampler = CropSampler(sources, config.crop, config.augment, config.seed)

    def validate(model: nn.Module) -> float:
        return mean_case_dice(_predictor(model, config, place), validation, progress)

    def keep_best(model: nn.Module, step: int, score: float) -> None:
        header = _header(config, sources, step, {"validation_dice_per_case": round(score, 5)})
        save_checkpoint(run / BEST, model, header)

    best = train(
        config,
        sampler,
        run,
        validate=validate,
        keep_best=keep_best,
        device=place,
        initial=_initial(config, base),
        record=record,
        progress=progress,
        cancel=cancel,
    )
    return TrainingResult(best, run / BEST)


def mean_case_dice(
    predictor: Predictor, slices: Sequence[LabelledSlice], progress: Progress = silent
) -> float:
    """Dice of each case over its slices, then the mean over cases."""
    cases: dict[str, Counts] = {}
    for done, item in enumerate(slices):
        probability = predictor(torch.from_numpy(item.grey).float()[None] / 255)[0].numpy()
        counts = count(probability >= 0.5, item.mask > 0)
        case = item.record.case
        cases[case] = cases[case] + counts if case in cases else counts
        progress("validating", done + 1, len(slices))
    return sum(METRICS["dice"](counts) for counts in cases.values()) / len(cases)


def _predictor(model: nn.Module, config: TrainingConfig, device: torch.device) -> Predictor:
    dtype = torch.bfloat16 if config.precision is Precision.BF16 else torch.float32
    model = copy.deepcopy(model).to(device, dtype)
    model = model.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    return Predictor(Engine(model, device, dtype, 4), config.crop.size_px)


def _initial(config: TrainingConfig, base: Path) -> Mapping[str, torch.Tensor] | None:
    """The weights a run starts from; `ConfigError` if they belong to another network."""
    if not config.start_from:
        return None
    path = Path(config.start_from)
    checkpoint = load_checkpoint(path if path.is_file() else base / path)
    if (checkpoint.header.model, dict(checkpoint.header.options)) != (
        config.model,
        dict(config.options),
    ):
        raise ConfigError(
            f"start_from holds {checkpoint.header.model} {dict(checkpoint.header.options)}, "
            f"the run trains {config.model} {dict(config.options)}"
        )
    return checkpoint.network().state_dict()


def _header(
    config: TrainingConfig, sources: Iterable[Source], step: int, metrics: dict[str, Any]
) -> Header:
    return Header(
        model=config.model,
        options=dict(config.options),
        window_hu=(BONE_WINDOW.low_hu, BONE_WINDOW.high_hu),
        spacing_mm=config.spacing_mm,
        patch_px=config.crop.size_px,
        training={
            "data": [Path(entry.path).name for entry in config.data],
            "slices": [len(source.slices) for source in sources],
            "step": step,
            "steps": config.steps,
            "batch_size": config.batch_size,
            "seed": config.seed,
            "commit": _commit(),
        },
        metrics=metrics,
    )


def _locate(path: str, base: Path) -> Path:
    candidates = [Path(path), Path(os.environ.get("AFUNET_DATA", "../shared/data")) / path]
    candidates += [base / path]
    for candidate in candidates:
        if candidate.is_dir():
            return candidate
    raise InputError(f"no data folder {path!r}; looked in {', '.join(map(str, candidates))}")


def _of_split(table: Iterable[SliceRecord], split: str) -> list[SliceRecord]:
    return [record for record in table if record.split == split]


def _commit() -> str:
    """The source's commit where the package runs from a checkout, else "unknown"."""
    try:
        done = subprocess.run(
            ["git", "-C", str(Path(__file__).parent), "describe", "--always", "--dirty"],
            capture_output=True,
            text=True,
            check=True,
            timeout=10,
        )
    except (OSError, subprocess.SubprocessError):
        return "unknown"
    return done.stdout.strip()


@contextmanager
def tensorboard_record(run: Path) -> Iterator[Record]:
    """A recorder that writes scalars as TensorBoard events into the run's folder.

    Without the `train` extra it does nothing: the same numbers stand in `log.csv`.
    """
    try:
        from torch.utils.tensorboard import SummaryWriter
    except ImportError:
        yield lambda name, value, step: None
        return
    writers: list[SummaryWriter] = []

    def record(name: str, value: float, step: int) -> None:
        if not writers:  # it makes its folder and file: not before there is something to record
            writers.append(SummaryWriter(str(run)))
        writers[0].add_scalar(name, value, step)

    try:
        yield record
    finally:
        for writer in writers:
            writer.close()
