"""Show training slices to a teacher, a trained network whose probabilities another one learns."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from afunet.data.labelled import load_unlabelled
from afunet.data.slices import LabelledSlice
from afunet.errors import ConfigError
from afunet.inference.engines.torch_engine import build_engine
from afunet.inference.predictor import Predictor
from afunet.models.calibration import calibrated
from afunet.models.checkpoint import Checkpoint, load_checkpoint
from afunet.models.head import labels
from afunet.models.header import Header
from afunet.models.shipped import weights_path
from afunet.preprocessing import BONE_WINDOW
from afunet.training.config import DataConfig, TrainingConfig
from afunet.watch import UNWATCHED, Watch
from afunet.whole_file import whole_file

STAGE = "asking the teacher"


Lessons = Callable[[DataConfig, Path, Sequence[LabelledSlice]], Sequence[LabelledSlice]]
"""Training slices of a [[data]] entry and its folder → what is learned from them."""


@dataclass(frozen=True, eq=False)
class Teacher:
    """A trained network that gives slices its calibrated probabilities."""

    header: Header
    sha256: str
    predictor: Predictor

    @staticmethod
    def of(
        checkpoint: Checkpoint, classes: tuple[str, ...], input_slices: int, device: torch.device
    ) -> Teacher:
        """Prepare a checkpoint for slices with these classes and at least its `input_slices`.

        Raises `ConfigError` if it was trained on other classes, more slices or another window.
        """
        header = checkpoint.header
        window = (BONE_WINDOW.low_hu, BONE_WINDOW.high_hu)
        given = (header.classes, header.window_hu)
        if given != (classes, window) or header.input_slices > input_slices:
            raise ConfigError(
                f"the teacher knows {', '.join(header.classes)} on {header.input_slices} slices in "
                f"the window {header.window_hu}, the run has {', '.join(classes)} on "
                f"{input_slices} in {window}: choose a teacher of the same classes",
                code="WEIGHTS_MISFIT",
            )
        engine = build_engine(
            checkpoint.network(), device, channels=header.input_slices, classes=len(classes)
        )
        return Teacher(header, checkpoint.sha256, Predictor.of(engine, header))

    def probability(self, item: LabelledSlice) -> NDArray[np.uint8]:
        """The calibrated probability of each class (classes, H, W), 0 to 255."""
        middle, reach = len(item.grey) // 2, self.header.input_slices // 2
        seen = self.predictor.of_grey(item.grey[middle - reach : middle + reach + 1])
        found = calibrated(seen.probability[0], self.header.calibration)
        return np.rint(found * 255).astype(np.uint8)

    def mask(self, probability: NDArray[np.uint8]) -> NDArray[np.uint8]:
        """The label of each pixel (H, W), for slices without labels."""
        threshold = np.array([self.header.threshold], dtype=np.float32)
        limit = calibrated(threshold, self.header.calibration)[0]
        share = probability[None].astype(np.float32) / np.float32(255)
        return np.asarray(labels(share, float(limit))[0], dtype=np.uint8)


def taught(
    slices: Sequence[LabelledSlice],
    unlabelled: Sequence[LabelledSlice],
    teacher: Teacher,
    kept: Path,
    watch: Watch = UNWATCHED,
) -> tuple[LabelledSlice, ...]:
    """Return all slices with the teacher's probabilities, those `unlabelled` with its labels.

    The probabilities are written to `kept`, so that a run that is continued does not ask again.
    """
    everything = (*slices, *unlabelled)
    question = _question(everything, teacher)
    answers = _answered(everything, teacher, question, kept)
    if answers is None:
        answers = []
        for done, item in enumerate(everything, 1):
            watch.check()
            answers.append(teacher.probability(item))
            watch.tell(STAGE, done, len(everything))
        _keep(answers, question, kept)
    own, others = answers[: len(slices)], answers[len(slices) :]
    return (
        *(replace(item, soft=soft) for item, soft in zip(slices, own, strict=True)),
        *(
            replace(item, soft=soft, mask=teacher.mask(soft))
            for item, soft in zip(unlabelled, others, strict=True)
        ),
    )


def lessons_of(
    config: TrainingConfig,
    run: Path,
    base: Path,
    classes: tuple[str, ...],
    device: torch.device,
    watch: Watch,
) -> Lessons:
    """Return what shows slices to the teacher; without a teacher they stay as they are."""
    wanted = config.distillation
    if wanted is None:
        return lambda entry, folder, slices: slices
    checkpoint = load_checkpoint(weights_path(wanted.teacher, base))
    teacher = Teacher.of(checkpoint, classes, config.input_slices, device)

    def show(
        entry: DataConfig, folder: Path, slices: Sequence[LabelledSlice]
    ) -> Sequence[LabelledSlice]:
        if not (entry.taught and entry.weight > 0):
            return slices
        inputs = config.input_slices
        others = load_unlabelled(folder, "train", inputs, watch) if wanted.unlabelled else ()
        kept = run / f"taught-{config.data.index(entry)}.npz"
        return taught(slices, others, teacher, kept, watch)

    return show


def _question(slices: Sequence[LabelledSlice], teacher: Teacher) -> str:
    """The digest of what is asked: a teacher and the slices that it sees, in their order."""
    digest = hashlib.sha256(teacher.sha256.encode())
    for item in slices:
        digest.update(str(item.grey.shape).encode())
        digest.update(item.grey.tobytes())
    return digest.hexdigest()


def _keep(answers: Sequence[NDArray[np.uint8]], question: str, path: Path) -> None:
    flat = np.concatenate([answer.reshape(-1) for answer in answers])
    with whole_file(path) as unfinished:
        np.savez_compressed(unfinished, question=question, probability=flat)


def _answered(
    slices: Sequence[LabelledSlice], teacher: Teacher, question: str, path: Path
) -> list[NDArray[np.uint8]] | None:
    """Return the answers that a file holds; None if it is broken or of another question."""
    try:
        with path.open("rb") as opened, np.load(opened, allow_pickle=False) as file:
            if str(file["question"]) != question:
                return None
            flat = file["probability"]
    except MemoryError:
        raise
    except Exception:  # zip, zlib and NumPy raise a dozen kinds on a broken file
        return None
    classes = len(teacher.header.classes)
    if (flat.dtype, flat.shape) != (np.uint8, (sum(classes * item.mask.size for item in slices),)):
        return None
    return list(_cut(flat, slices, classes))


def _cut(
    flat: NDArray[np.uint8], slices: Sequence[LabelledSlice], classes: int
) -> Iterator[NDArray[np.uint8]]:
    start = 0
    for item in slices:
        end = start + classes * item.mask.size
        yield flat[start:end].reshape(classes, *item.mask.shape)
        start = end
