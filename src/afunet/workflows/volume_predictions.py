"""Masks that another program predicted for the exported cases of a store, slice by slice again."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from afunet.data.slices import LabelledSlice
from afunet.data.stacks import stacks_of
from afunet.errors import InputError
from afunet.formats.label_files import label_files
from afunet.formats.readers import read_labelling
from afunet.watch import UNWATCHED, Watch
from afunet.workflows.evaluated_pairs import matched
from afunet.workflows.scoring import LabelsOf

STAGE = "reading masks"


def predicted_labels(
    folder: Path, slices: Sequence[LabelledSlice], watch: Watch = UNWATCHED
) -> LabelsOf:
    """Return the classes of each slice as the case's file in `folder` has them.

    A file has the name of an exported case and all its slices (`export_nnunet`). Raises
    `InputError` for a case without a file, and what `matched` raises for a file on another grid.
    """
    if not folder.is_dir():
        raise InputError(
            f"{folder} is not a folder: give the folder with a mask of each case",
            code="NOT_A_FOLDER",
        )
    files, stacks = label_files(folder, ()), stacks_of(slices)
    missing = [stack.name for stack in stacks if stack.name not in files]
    if missing:
        raise InputError(
            f"no predicted mask for {len(missing)} of {len(stacks)} cases, the first is "
            f"{missing[0]}: give the folder with a mask of each case",
            code="NO_PARTNER",
        )
    planes: dict[tuple[str, int], NDArray[np.uint8]] = {}
    for done, stack in enumerate(stacks, 1):
        watch.check()
        truth = read_labelling(stack.placed(stack.mask()))
        found = matched(read_labelling(files[stack.name]), truth, case=stack.name).found
        for item, plane in zip(stack.slices, found.voxels, strict=True):
            planes[item.record.case, item.record.level] = plane.astype(np.uint8)
        watch.tell(STAGE, done, len(stacks))
    return lambda item: planes[item.record.case, item.record.level]
