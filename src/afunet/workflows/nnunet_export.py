"""Write a store as nnU-Net's raw data, so that nnU-Net trains on the same slices and splits."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from afunet.data.labelled import classes_of, load_labelled
from afunet.data.layouts.nnunet import CHANNEL, DESCRIPTION, FOLDS, IMAGES, LABELS
from afunet.data.locate import locate_data
from afunet.data.stacks import SliceStack, stacks_of
from afunet.errors import InputError
from afunet.formats.nifti import write_nifti
from afunet.preprocessing import BONE_WINDOW
from afunet.watch import UNWATCHED, Watch
from afunet.workflows.staging import check_writable, staged_folder

ENDING = ".nii.gz"
TEST_IMAGES, TEST_LABELS = "imagesTs", "labelsTs"
STAGE = "writing cases"


@dataclass(frozen=True)
class Exported:
    """The folder, and the names of the cases by split."""

    folder: Path
    cases: dict[str, tuple[str, ...]]


def export_nnunet(data: Path, output: Path, *, watch: Watch = UNWATCHED) -> Exported:
    """Write the raw data set of nnU-Net v2: train and val in imagesTr, test in imagesTs.

    Each case is a volume of its labelled slices, in HU as far as the bone window goes, for the
    configuration `2d`. The only fold of splits_final.json is the store's own split; copy it to
    nnU-Net's folder of preprocessed data. Raises `InputError` without training slices and for a
    case whose slices differ in size.
    """
    folder = locate_data(data)
    check_writable(output)
    splits = {
        split: stacks_of(load_labelled(folder, split, watch=watch))
        for split in ("train", "val", "test")
    }
    if not splits["train"]:
        raise InputError(
            "no labelled slice in split 'train': nnU-Net needs cases to train on",
            code="NO_LABELLED_SLICE",
        )
    shown = [*splits["train"], *splits["val"]]
    names = {split: tuple(stack.name for stack in stacks) for split, stacks in splits.items()}
    total = len(shown) + len(splits["test"])
    with staged_folder(output) as stage:
        for place, (stack, images, labels) in enumerate(
            [
                *((one, IMAGES, LABELS) for one in shown),
                *((one, TEST_IMAGES, TEST_LABELS) for one in splits["test"]),
            ],
            1,
        ):
            watch.check()
            _write(stack, stage / images, stage / labels)
            watch.tell(STAGE, place, total)
        _write_json(stage / DESCRIPTION, _description(classes_of(folder), len(shown)))
        folds = [{"train": list(names["train"]), "val": list(names["val"])}]
        _write_json(stage / FOLDS, folds)
    return Exported(output, names)


def _write(stack: SliceStack, images: Path, labels: Path) -> None:
    images.mkdir(exist_ok=True)
    labels.mkdir(exist_ok=True)
    hu = np.rint(BONE_WINDOW.from_grey(stack.grey())).astype(np.int16)
    write_nifti(stack.placed(hu), images / f"{stack.name}{CHANNEL}{ENDING}")
    write_nifti(stack.placed(stack.mask()), labels / f"{stack.name}{ENDING}")


def _description(classes: Sequence[str], training: int) -> dict[str, object]:
    numbers = {name: number for number, name in enumerate(classes, 1)}
    return {
        "channel_names": {"0": "CT"},
        "labels": {"background": 0, **numbers},
        "numTraining": training,
        "file_ending": ENDING,
    }


def _write_json(path: Path, content: object) -> None:
    path.write_text(json.dumps(content, indent=2) + "\n", encoding="utf-8")
