"""Make the INT8 network of a checkpoint, with the calibration that is best on validation slices."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import product
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import torch
from numpy.typing import NDArray

from afunet.data.augment import AugmentConfig
from afunet.data.labelled import load_labelled
from afunet.data.locate import locate_data
from afunet.data.sampler import CropConfig, CropSampler, Source
from afunet.data.slices import LabelledSlice
from afunet.errors import InputError
from afunet.inference.engines.onnx_engine import OnnxEngine
from afunet.inference.predictor import Predictor
from afunet.models.export import WINDOWS, onnx_of
from afunet.models.header import METADATA_KEY, Header
from afunet.models.onnx_file import write_int8
from afunet.models.onnx_session import open_session
from afunet.models.quantise import Calibration, Quantisation, quantised, require_onnx
from afunet.plan import Step
from afunet.watch import UNWATCHED, Watch
from afunet.workflows.lineage import descended, parent_of, require_data_for
from afunet.workflows.staging import check_writable
from afunet.workflows.validation import mean_case_dice, trusted

if TYPE_CHECKING:
    from onnx import ModelProto

CHOICES = tuple(Quantisation(*how) for how in product(Calibration, (True, False)))
FILE = "int8.onnx"
TRYING = "trying calibrations"
PLAN = (Step("reading slices"), Step(TRYING, share=1))
UNCHANGED = AugmentConfig((1.0, 1.0), 0.0, False, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0)


@dataclass(frozen=True)
class Quantised:
    """The file, and the validation Dice per case in float32 and of every choice that was tried."""

    path: Path
    float32_dice: float
    dice: dict[Quantisation, float]

    @property
    def chosen(self) -> Quantisation:
        """The choice with the highest Dice, of equal ones the first."""
        return max(self.dice, key=lambda how: self.dice[how])


def quantise(
    weights: Path | None,
    data: str,
    output: Path,
    *,
    calibration_slices: int = 32,
    validation_slices: int = 24,
    watch: Watch = UNWATCHED,
) -> Quantised:
    """Write `int8.onnx` into `output`, made of a checkpoint (None: the shipped weights).

    Windows of the store's or slice folder's split train calibrate it; slices of its split val
    choose how. Raises `CheckpointError`, `InputError` and `ConfigError` for weights and data that
    do not fit, and `OutputError` if the file cannot be written.
    """
    require_onnx()
    check_writable(output, names=(FILE,))
    parent = parent_of(weights)
    header, folder = parent.header, locate_data(data)
    require_data_for(header, [folder])
    windows = _windows(header, folder, calibration_slices, watch)
    held_out = _held_out(header, folder, validation_slices, watch)
    graph = onnx_of(parent.network(), torch.zeros(2, header.input_slices, 64, 96), WINDOWS)

    def dice_of(model: ModelProto, arithmetic: str) -> float:
        predictor = Predictor.of(engine_of(model, header, arithmetic), header)
        return mean_case_dice(predictor, held_out, watch.silenced(), header.threshold)

    watch.tell(TRYING, 0, len(CHOICES))
    float32_dice = dice_of(graph, "float32")
    made: dict[Quantisation, ModelProto] = {}
    dice: dict[Quantisation, float] = {}
    graphs = quantised(graph, windows, CHOICES)
    for done, (how, rounded) in enumerate(zip(CHOICES, graphs, strict=True), 1):
        watch.check()
        made[how] = rounded
        dice[how] = dice_of(made[how], "int8")
        watch.tell(TRYING, done, len(CHOICES))
    result = Quantised(output / FILE, float32_dice, dice)
    output.mkdir(parents=True, exist_ok=True)
    calibration = {"data": folder.name, "slices": len(windows), "how": str(result.chosen)}
    told = replace(
        header,
        training={
            **header.training,
            "lineage": descended(parent, "int8", calibration=calibration),
        },
        metrics={
            "validation_dice_per_case": round(dice[result.chosen], 5),
            "validation_dice_per_case_float32": round(float32_dice, 5),
        },
    )
    graph_bytes = made[result.chosen].SerializeToString()
    write_int8(result.path, graph_bytes, METADATA_KEY, told.saved(), parent.sha256)
    return result


def engine_of(model: ModelProto, header: Header, arithmetic: str) -> OnnxEngine:
    """The engine of a graph."""
    session = open_session(model.SerializeToString())
    return OnnxEngine(session, "cpu", arithmetic, 2, header.input_slices, len(header.classes))


def _windows(header: Header, folder: Path, count: int, watch: Watch) -> list[NDArray[np.float32]]:
    """Windows as at inference, of slices drawn from the split train, each (1, C, px, px)."""
    slices = load_labelled(folder, "train", header.input_slices, watch)
    if not slices:
        raise InputError(
            f"no labelled slice in split 'train' of {folder.name}, which calibrates INT8: give a "
            "store or slice folder with training slices",
            code="NO_LABELLED_SLICE",
        )
    crop = CropConfig(header.patch_px, planned=0.75)
    sampler = CropSampler([Source(slices)], crop, UNCHANGED, 0, classes=len(header.classes))
    return [sampler.batch(step, 1)[0].numpy() for step in range(count)]


def _held_out(header: Header, folder: Path, count: int, watch: Watch) -> Sequence[LabelledSlice]:
    """Slices evenly spread over the split val, those with labels to be trusted if there are any."""
    slices = trusted(load_labelled(folder, "val", header.input_slices, watch))
    if not slices:
        raise InputError(
            f"no labelled slice in split 'val' of {folder.name}, which chooses the calibration: "
            "give a store or slice folder with validation slices",
            code="NO_LABELLED_SLICE",
        )
    places = np.linspace(0, len(slices) - 1, min(count, len(slices))).round().astype(int)
    return [slices[place] for place in places]
