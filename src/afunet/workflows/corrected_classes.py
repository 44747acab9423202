"""The classes of a network beside a corrected mask."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from afunet.formats.readers import read_labels
from afunet.formats.writers import MASK_WRITERS
from afunet.geometry import bounding_box, box_within
from afunet.workflows.case_results import CaseResults
from afunet.workflows.corrected import Corrected
from afunet.workflows.result_files import CLASS_NAMES, CLASSES

NEAR, FIRST = 20, 1


def with_classes(made: Corrected, results: CaseResults) -> CaseResults:
    """Add the classes of before, if there are any, where there is bone now."""
    folder = made.before.folder
    for writer in MASK_WRITERS.values():
        path = folder / f"{CLASSES}{writer.suffix}"
        if path.is_file():
            classes = read_labels(path)
            names = json.loads((folder / CLASS_NAMES).read_bytes())
            found = classes.with_voxels(classes_of(made.mask.voxels > 0, classes.voxels))
            return replace(results, classes=found, class_names=tuple(map(str, names.values())))
    return results


def classes_of(bone: NDArray[np.bool_], classes: NDArray[np.integer]) -> NDArray[np.integer]:
    """Return the class of each voxel of bone, 0 elsewhere.

    Bone without a class gets that of the nearest voxel that has one, or the first class if there is
    none within `NEAR` voxels of the box around all such bone.
    """
    found = np.where(bone, classes, 0)
    new = bounding_box(bone & (classes == 0))
    if new is not None:
        box = box_within(new, NEAR, (1.0, 1.0, 1.0))
        near = classes[box]
        place = ndimage.distance_transform_edt(
            near == 0, return_distances=False, return_indices=True
        )
        nearest = near[tuple(place)] if near.any() else np.full_like(near, FIRST)
        found[box] = np.where(bone[box] & (near == 0), nearest, found[box])
    return found
