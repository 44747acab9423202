"""Train a network from slice folders and a configuration."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

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
from afunet.findings import Finding, info
from afunet.inference.cpu import this_cpu
from afunet.inference.device_choice import DeviceChoice
from afunet.inference.engines.torch_engine import build_engine, pick_device
from afunet.inference.predictor import Predictor
from afunet.models import build_model
from afunet.models.checkpoint import Checkpoint, load_checkpoint, save_checkpoint
from afunet.models.shipped import weights_path
from afunet.plan import Step
from afunet.training.config import (
    Precision,
    TrainingConfig,
    is_text_of,
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
from afunet.workflows.training_header import header_of_run
from afunet.workflows.validation import mean_case_dice, show_examples, trusted

BEST = "best.safetensors"
RESULT = "result.json"
PLAN = (Step("reading slices"), Step(ASKING), Step(FINDING), Step("training", share=1))


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
    if finished := finished_run(config, run):
        return finished
    check_writable(run, names=(BEST, RESULT))
    place = own_device(pick_device(device))
    precision = arithmetic(config.precision, device)[0]
    record = record or NoRecorder()
    with joined(place) as world:
        if not world.leads:
            watch = watch.silenced()
        classes = _classes_of(config, base)
        parent = _parent(config, base)
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
        header = header_of_run(config, sources, classes, parent, lineage)

        def validate(model: nn.Module, step: int) -> float:
            predictor = _predictor(model, config, place, precision, len(classes))
            show_examples(predictor, validation, record, step)
            return mean_case_dice(predictor, validation, watch)

        def keep_best(model: nn.Module, step: int, score: float) -> None:
            reached = replace(
                header,
                training={**header.training, "step": step},
                metrics={"validation_dice_per_case": round(score, 5)},
            )
            save_checkpoint(run / BEST, model, reached)

        best = train(
            config,
            segmentation(config, sampler),
            run,
            validate=validate,
            keep_best=keep_best,
            device=place,
            world=world,
            initial=None if parent is None else _initial(config, parent, classes),
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


def finished_run(config: TrainingConfig, run: Path) -> TrainingResult | None:
    """Return the result of an earlier call with the same configuration, if it finished."""
    result, best = run / RESULT, run / BEST
    if not (result.is_file() and best.is_file()):
        return None
    if not is_text_of((run / CONFIG).read_text(), config):
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
    """Return training slices by source, and validation slices (`trusted` ones if there are any).

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
    if not held_out:
        raise InputError(
            "no labelled slice in split 'val', which chooses the best step: prepare the data with "
            "--split by-patient",
            code="NO_LABELLED_SLICE",
        )
    return sources, trusted(held_out)


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


def _parent(config: TrainingConfig, base: Path) -> Checkpoint | None:
    """Return what the run starts from; raise `ConfigError` if it is another network."""
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
    return checkpoint


def _initial(
    config: TrainingConfig, parent: Checkpoint, classes: tuple[str, ...]
) -> Mapping[str, torch.Tensor]:
    """Return the initial weights; with other classes, layers of another shape start untrained."""
    given: Mapping[str, torch.Tensor] = parent.network().state_dict()
    if parent.header.classes == classes:
        return given
    own = build_model(config.model, config.options_for(len(classes)), seed=config.seed).state_dict()
    fitting = {key: value for key, value in given.items() if value.shape == own[key].shape}
    return {**own, **fitting}
