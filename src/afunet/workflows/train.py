"""Train a network from slice folders and a configuration."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import nn

from afunet.data.cases import refuse_leaks
from afunet.data.dark_lines import STAGE as FINDING
from afunet.data.dark_lines import ignoring_dark_lines
from afunet.data.labelled import classes_of, load_labelled, read_records
from afunet.data.locate import locate_data
from afunet.data.sampler import CropSampler, Source
from afunet.data.slices import LabelledSlice
from afunet.errors import ConfigError, InputError
from afunet.evaluation.overlap import METRICS, Counts, count
from afunet.findings import Finding, info
from afunet.inference.cpu import this_cpu
from afunet.inference.device_choice import DeviceChoice
from afunet.inference.engines.torch_engine import build_engine, pick_device
from afunet.inference.predictor import Predictor
from afunet.models import build_model
from afunet.models.checkpoint import load_checkpoint, save_checkpoint
from afunet.models.head import labels
from afunet.models.header import Header
from afunet.models.shipped import weights_path
from afunet.plan import Step
from afunet.preprocessing import BONE_WINDOW
from afunet.training.config import (
    Precision,
    TrainingConfig,
    config_text,
)
from afunet.training.distributed import joined, own_device
from afunet.training.loop import CONFIG, DTYPES, train
from afunet.training.recording import NoRecorder, Recorder
from afunet.training.task import segmentation
from afunet.watch import UNWATCHED, Watch
from afunet.workflows.lineage import Lineage
from afunet.workflows.staging import check_writable
from afunet.workflows.teaching import STAGE as ASKING
from afunet.workflows.teaching import Lessons, lessons_of

BEST = "best.safetensors"
RESULT = "result.json"
EXAMPLES = 4
PLAN = (Step("reading slices"), Step(ASKING), Step(FINDING), Step("training", share=1))
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
    watch: Watch = UNWATCHED,
    lineage: Lineage = (),
) -> TrainingResult:
    """Train as `config` says into the folder `run`; continue where an earlier call stopped.

    The `lineage` of a compressed network goes into the header of the checkpoint.
    Under `torchrun` all processes train one network, and the leading process writes.
    """
    if threads is not None and threads < 1:
        raise ConfigError(f"threads must be 1 or more, got {threads}")
    build_model(config.model, config.options, seed=0)  # fails early for a wrong name or option
    if threads:
        torch.set_num_threads(threads)
    if finished := _finished(config, run):
        return finished
    check_writable(run)
    place = own_device(pick_device(device))
    precision = arithmetic(config.precision, device)[0]
    record = record or NoRecorder()
    with joined(place) as world:
        if not world.leads:
            watch = watch.silenced()
        classes = _classes_of(config, base)
        lessons = lessons_of(config, run, base, classes, place, watch)
        sources, validation = _slices_of(config, base, lessons, watch)
        sampler = CropSampler(
            sources,
            config.crop,
            config.augment,
            config.seed,
            place,
            passes=config.epochs > 0,
            classes=len(classes),
            multiple=config.accumulate * world.size,
        )

        def validate(model: nn.Module, step: int) -> float:
            predictor = _predictor(model, config, place, precision, len(classes))
            show_examples(predictor, validation, record, step)
            return mean_case_dice(predictor, validation, watch)

        def keep_best(model: nn.Module, step: int, score: float) -> None:
            scores = {"validation_dice_per_case": round(score, 5)}
            header = _header(config, sources, step, scores, classes, lineage)
            save_checkpoint(run / BEST, model, header)

        best = train(
            config,
            segmentation(config, sampler),
            run,
            validate=validate,
            keep_best=keep_best,
            device=place,
            world=world,
            initial=_initial(config, base, classes),
            precision=precision,
            record=record,
            watch=watch,
        )
        if world.leads:
            (run / RESULT).write_text(json.dumps({"validation_dice_per_case": best}) + "\n")
    return TrainingResult(best, run / BEST)


def arithmetic(
    wanted: Precision, device: DeviceChoice = DeviceChoice.AUTO
) -> tuple[Precision, tuple[Finding, ...]]:
    """Return the number format to train in on a device, and a finding if it is not the wanted one.

    On a processor without bfloat16, training in it takes ten times as long as in float32.
    """
    on_cpu = pick_device(device).type == "cpu"
    if wanted is not Precision.BF16 or not on_cpu or (cpu := this_cpu()).has_bfloat16:
        return wanted, ()
    line = (
        f"the processor ({cpu.model}) has no bfloat16 (avx512_bf16 or AMX): training in "
        "float32 instead, which is ten times faster on it"
    )
    return Precision.FP32, (info("NO_BFLOAT16", line),)


def _finished(config: TrainingConfig, run: Path) -> TrainingResult | None:
    """Return the result of an earlier call with the same configuration, if it finished."""
    result, best = run / RESULT, run / BEST
    if not (result.is_file() and best.is_file()):
        return None
    if (run / CONFIG).read_text() != config_text(config):
        return None  # the training loop reports it
    return TrainingResult(json.loads(result.read_text())["validation_dice_per_case"], best)


def _classes_of(config: TrainingConfig, base: Path) -> tuple[str, ...]:
    """Return the classes of all [[data]] folders; raise `InputError` if they differ."""
    known = {classes_of(locate_data(entry.path, base)) for entry in config.data}
    if len(known) > 1:
        listed = " and ".join(", ".join(classes) for classes in sorted(known))
        raise InputError(
            f"[[data]] folders have different classes ({listed}): use the same ones",
            code="CLASSES_DIFFER",
        )
    return known.pop()


def _slices_of(
    config: TrainingConfig, base: Path, lessons: Lessons, watch: Watch
) -> tuple[list[Source], Sequence[LabelledSlice]]:
    """Return training slices by source, and validation slices (`TRUSTED` ones if there are any).

    Raises `InputError` for missing folders and splits, and for a patient or an image in two
    splits, also across folders.
    """
    folders = [locate_data(entry.path, base) for entry in config.data]
    refuse_leaks(record for folder in folders for record in read_records(folder))
    inputs = config.input_slices
    sources: list[Source] = []
    held_out: list[LabelledSlice] = []
    for entry, folder in zip(config.data, folders, strict=True):
        if slices := load_labelled(folder, "train", inputs, watch):
            shown = lessons(entry, folder, slices)
            if entry.ignore_dark_lines:
                shown = ignoring_dark_lines(shown, watch)
            sources.append(Source(shown, entry.weight))
        held_out += load_labelled(folder, "val", inputs, watch)
    if not sources:
        raise InputError(
            "no labelled slice in split 'train' of any [[data]] folder: add one with labels",
            code="NO_LABELLED_SLICE",
        )
    validation = [item for item in held_out if item.record.status in TRUSTED] or held_out
    if not validation:
        raise InputError(
            "no labelled slice in split 'val', which chooses the best step: prepare the data with "
            "--split by-patient",
            code="NO_LABELLED_SLICE",
        )
    return sources, validation


def mean_case_dice(
    predictor: Predictor,
    slices: Sequence[LabelledSlice],
    watch: Watch = UNWATCHED,
    threshold: float = 0.5,
) -> float:
    """Return the mean over all cases and classes of the Dice pooled over a case's slices."""
    cases: dict[tuple[str, int], Counts] = {}
    for done, item in enumerate(slices):
        predicted = predictor.of_grey(item.grey)
        predictor = predicted.predictor
        found = labels(predicted.probability, threshold)[0]
        for number in range(1, predicted.probability.shape[1] + 1):
            counts, key = count(found == number, item.mask == number), (item.record.case, number)
            cases[key] = cases.get(key, Counts()) + counts
        watch.tell("validating", done + 1, len(slices))
    return sum(METRICS["dice"](counts) for counts in cases.values()) / len(cases)


def show_examples(
    predictor: Predictor, slices: Sequence[LabelledSlice], record: Recorder, step: int
) -> None:
    """Record pictures of some validation slices: predicted bone red, missed bone blue."""
    if isinstance(record, NoRecorder):
        return
    for number in np.linspace(0, len(slices) - 1, min(EXAMPLES, len(slices))).astype(int):
        item = slices[number]
        grey = item.grey[len(item.grey) // 2]
        found = labels(predictor.of_grey(item.grey).probability, 0.5)[0] > 0
        rgb = np.stack([grey] * 3, axis=-1)
        rgb[..., 0] = np.where(found, 255 - (255 - grey) // 2, grey)
        rgb[..., 2] = np.where((item.mask > 0) & ~found, 255, rgb[..., 2])
        record.picture(f"{item.record.case} slice {item.record.level}", rgb, step)


def _predictor(
    model: nn.Module,
    config: TrainingConfig,
    device: torch.device,
    precision: Precision,
    classes: int,
) -> Predictor:
    engine = build_engine(
        model,
        device,
        DTYPES[precision],
        channels=config.input_slices,
        classes=classes,
    )
    return Predictor(engine, config.crop.size_px)


def _initial(
    config: TrainingConfig, base: Path, classes: tuple[str, ...]
) -> Mapping[str, torch.Tensor] | None:
    """Return the initial weights of a run; raise `ConfigError` if they are of another network.

    If they have other classes, layers of another shape start untrained.
    """
    if not config.start_from:
        return None
    checkpoint = load_checkpoint(weights_path(config.start_from, base))
    if (checkpoint.header.model, dict(checkpoint.header.options)) != (
        config.model,
        dict(config.options),
    ):
        raise ConfigError(
            f"start_from holds {checkpoint.header.model} {dict(checkpoint.header.options)}, "
            f"the run trains {config.model} {dict(config.options)}: use weights of one network",
            code="WEIGHTS_MISFIT",
        )
    given: Mapping[str, torch.Tensor] = checkpoint.network().state_dict()
    if checkpoint.header.classes == classes:
        return given
    own = build_model(config.model, config.options_for(len(classes)), seed=config.seed).state_dict()
    fitting = {key: value for key, value in given.items() if value.shape == own[key].shape}
    return {**own, **fitting}


def _header(
    config: TrainingConfig,
    sources: Iterable[Source],
    step: int,
    metrics: dict[str, Any],
    classes: tuple[str, ...],
    lineage: Lineage,
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
            **({} if config.distillation is None else {"teacher": config.distillation.teacher}),
            **({"lineage": list(lineage)} if lineage else {}),
            "commit": _commit(),
        },
        metrics=metrics,
        classes=classes,
    )


def _commit() -> str:
    """Return the source's commit if the package runs from a checkout, else "unknown"."""
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
