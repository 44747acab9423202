"""From slice folders and a configuration to a network worth keeping."""

from __future__ import annotations

import copy
import json
import os
import subprocess
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import nn

from afunet.data.cases import refuse_leaks
from afunet.data.labelled import load_labelled, read_records
from afunet.data.sampler import CropSampler, Source
from afunet.data.slices import LabelledSlice
from afunet.errors import ConfigError, InputError
from afunet.evaluation.overlap import METRICS, Counts, count
from afunet.inference.device import DeviceChoice, pick_device
from afunet.inference.predictor import Engine, Predictor
from afunet.models import build_model
from afunet.models.checkpoint import Header, load_checkpoint, save_checkpoint
from afunet.preprocessing import BONE_WINDOW
from afunet.progress import CancelToken, Progress, silent
from afunet.training.config import SHIPPED, TrainingConfig, config_text
from afunet.training.distributed import joined, own_device
from afunet.training.loop import CONFIG, DTYPES, train
from afunet.training.recording import LOG, NoRecorder, Recorder, losses_in
from afunet.training.task import segmentation
from afunet.watch import Step
from afunet.workflows.segment import shipped_weights
from afunet.workflows.staging import check_writable

BEST = "best.safetensors"
RESULT = "result.json"
EXAMPLES = 4
PLAN = (Step("reading slices"), Step("training", share=1))
LEAST_FALL = 0.02
LEAST_DICE = 0.05
TELLING_STEPS = 20
TRUSTED = ("checked", "exact")  # labels looked at by a person, or simulated


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
    record: Recorder | None = None,
    progress: Progress = silent,
    cancel: CancelToken | None = None,
) -> TrainingResult:
    """Train as `config` says into the folder `run`, going on where an earlier call stopped.

    Under `torchrun` all its processes train one network; the leading one writes.
    """
    if threads is not None and threads < 1:
        raise ConfigError(f"threads must be 1 or more, got {threads}")
    build_model(config.model, config.options, seed=0)  # a wrong name or option, before the reading
    if threads:
        torch.set_num_threads(threads)
    if finished := _finished(config, run):
        return finished
    check_writable(run)
    place = own_device(pick_device(device))
    record = record or NoRecorder()
    with joined(place) as world:
        if not world.leads:
            progress = silent
        sources, validation = _slices_of(config, base, progress)
        sampler = CropSampler(
            sources, config.crop, config.augment, config.seed, place, passes=config.epochs > 0
        )

        def validate(model: nn.Module, step: int) -> float:
            predictor = _predictor(model, config, place)
            show_examples(predictor, validation, record, step)
            return mean_case_dice(predictor, validation, progress)

        def keep_best(model: nn.Module, step: int, score: float) -> None:
            header = _header(config, sources, step, {"validation_dice_per_case": round(score, 5)})
            save_checkpoint(run / BEST, model, header)

        best = train(
            config,
            segmentation(config, sampler),
            run,
            validate=validate,
            keep_best=keep_best,
            device=place,
            world=world,
            initial=_initial(config, base),
            record=record,
            progress=progress,
            cancel=cancel,
        )
        if world.leads:
            (run / RESULT).write_text(json.dumps({"validation_dice_per_case": best}) + "\n")
    return TrainingResult(best, run / BEST)


def doubts_about(result: TrainingResult, run: Path) -> list[str]:
    """A line where the run has learnt nothing, with what may be the reason.

    Nothing is learnt where no case's Dice on val reaches `LEAST_DICE`, or where the mean loss of
    the last tenth of at least `TELLING_STEPS` steps is not `LEAST_FALL` below that of the first and
    the Dice is under one half: a fine-tuned network may begin where it ends.
    """
    losses = losses_in(run / LOG) if (run / LOG).is_file() else []
    if not losses:
        return []
    tenth = max(1, len(losses) // 10)
    first, last = (float(np.mean(part)) for part in (losses[:tenth], losses[-tenth:]))
    fell = len(losses) > 1 and last <= (1 - LEAST_FALL) * first
    loss = f"the loss went from {first:.3f} to {last:.3f} in {len(losses)} steps"
    if result.validation_dice < LEAST_DICE:
        why = (
            "the labels may not lie on their images, mark something else than bone, or val may "
            "hold no bone"
            if fell
            else "the learning rate may be too low or far too high, or the steps too few"
        )
    elif result.validation_dice < 0.5 and not fell and len(losses) >= TELLING_STEPS:
        why = "the learning rate may be too low or far too high, or the steps too few"
    else:
        return []
    return [
        f"this run has learnt nothing to speak of: Dice on val {result.validation_dice:.3f}, "
        f"{loss}; {why}"
    ]


def _finished(config: TrainingConfig, run: Path) -> TrainingResult | None:
    """What an earlier call reached with the same configuration, if it came to its end."""
    result, best = run / RESULT, run / BEST
    if not (result.is_file() and best.is_file()):
        return None
    if (run / CONFIG).read_text() != config_text(config):
        return None  # the loop says so
    return TrainingResult(json.loads(result.read_text())["validation_dice_per_case"], best)


def _slices_of(
    config: TrainingConfig, base: Path, progress: Progress
) -> tuple[list[Source], Sequence[LabelledSlice]]:
    """Training slices by source, and those for validation: `TRUSTED` ones where there are any.

    Raises `InputError` for missing folders and splits, and for a patient or an image in two
    splits, also across folders.
    """
    folders = [locate_data(entry.path, base) for entry in config.data]
    refuse_leaks(record for folder in folders for record in read_records(folder))
    inputs = int(config.options.get("input_slices", 1))
    sources: list[Source] = []
    held_out: list[LabelledSlice] = []
    for entry, folder in zip(config.data, folders, strict=True):
        if slices := load_labelled(folder, "train", inputs, progress):
            sources.append(Source(slices, entry.weight))
        held_out += load_labelled(folder, "val", inputs, progress)
    if not sources:
        raise InputError("no labelled slice in split 'train' of any [[data]] folder")
    validation = [item for item in held_out if item.record.status in TRUSTED] or held_out
    if not validation:
        raise InputError("no labelled slice in split 'val': the best step could not be chosen")
    return sources, validation


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


def show_examples(
    predictor: Predictor, slices: Sequence[LabelledSlice], record: Recorder, step: int
) -> None:
    """Pictures of some validation slices: what was found red, what was missed blue."""
    if isinstance(record, NoRecorder):
        return
    for number in np.linspace(0, len(slices) - 1, min(EXAMPLES, len(slices))).astype(int):
        item = slices[number]
        grey = item.grey[len(item.grey) // 2]
        found = predictor(torch.from_numpy(item.grey).float()[None] / 255)[0].numpy() >= 0.5
        rgb = np.stack([grey] * 3, axis=-1)
        rgb[..., 0] = np.where(found, 255 - (255 - grey) // 2, grey)
        rgb[..., 2] = np.where((item.mask > 0) & ~found, 255, rgb[..., 2])
        record.picture(f"{item.record.case} slice {item.record.level}", rgb, step)


def _predictor(model: nn.Module, config: TrainingConfig, device: torch.device) -> Predictor:
    dtype = DTYPES[config.precision]
    model = copy.deepcopy(model).to(device, dtype)
    model = model.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    return Predictor(Engine(model, device, dtype, 4), config.crop.size_px)


def _initial(config: TrainingConfig, base: Path) -> Mapping[str, torch.Tensor] | None:
    """The weights a run starts from; `ConfigError` if they belong to another network."""
    if not config.start_from:
        return None
    path = shipped_weights() if config.start_from == SHIPPED else Path(config.start_from)
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


def locate_data(path: str | Path, base: Path = Path()) -> Path:
    """A data folder as given, in AFUNET_DATA's folder, or beside `base`; `InputError` for none."""
    path = Path(path).expanduser() if str(path).startswith("~") else Path(path)
    candidates = [path, Path(os.environ.get("AFUNET_DATA", "../shared/data")) / path]
    candidates += [base / path]
    for candidate in candidates:
        if candidate.is_dir():
            return candidate
    raise InputError(f"no data folder {str(path)!r}; looked in {', '.join(map(str, candidates))}")


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
