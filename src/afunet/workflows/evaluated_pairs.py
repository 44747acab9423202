"""Pairs of prediction and ground truth, from two lists or from two folders."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from afunet.errors import InputError
from afunet.findings import Finding, info
from afunet.formats.label_files import label_files, stem
from afunet.formats.label_names import LABEL_NAMES, read_label_names
from afunet.formats.labelling import Labelling, require_no_negative
from afunet.formats.readers import read_labelling
from afunet.geometry import LabelMap, Volume, label_boxes
from afunet.geometry.embedding import embedded
from afunet.geometry.tolerances import SAME_PLACE_MM
from afunet.preprocessing.orientation import turned_to
from afunet.workflows.failed_case import FailedCase
from afunet.workflows.titles import told_names

FILES = ("prediction", "truth")
ROLES = frozenset(
    {"bone", "bones", "fragments", "instances", "label", "labels", "mask", "masks", "pred"}
    | {"prediction", "seg", "segmentation", "truth"}
)
MASKS, PIECES = ("mask", "bones", "truth"), ("instances", "fragments")


@dataclass(frozen=True)
class Pair:
    """A prediction, its truth and the case's name."""

    case: str
    prediction: Path
    truth: Path


@dataclass(frozen=True, eq=False)
class LoadedPair:
    """Both label maps on one grid, and the findings about the two files.

    `named` says whether the names came from a file.
    """

    found: Volume
    true: LabelMap
    named: bool
    findings: tuple[Finding, ...] = ()

    @property
    def labels_found(self) -> int:
        """How many labels the prediction has, without the background."""
        return len(label_boxes(self.found.voxels))

    @property
    def labels_true(self) -> int:
        """How many labels the truth has, without the background."""
        return len(label_boxes(self.true.volume.voxels))


def pair_up(
    predictions: Sequence[Path], truths: Sequence[Path], *, fragments: bool = False
) -> tuple[tuple[Pair, ...], tuple[FailedCase, ...]]:
    """Return pairs in the given order, or by name from two folders; and files without a partner.

    A folder has a case for each label file, or for each folder below it (see `label_files`). A
    case is named after its file unless the name may identify a patient (`told_names`); a file whose
    name says only its role, such as mask.nii.gz, takes the name of its folder. Raises `InputError`
    for lists of different lengths and for folders that share no name.
    """
    if len(predictions) == len(truths) == 1:
        names = (*PIECES, *MASKS) if fragments else MASKS
        found, true = (_listed(paths[0], names) for paths in (predictions, truths))
        if found and true:
            return _by_name(found, true)
    if len(predictions) != len(truths):
        raise InputError(
            f"got {len(predictions)} predictions and {len(truths)} truths: give one truth for each",
            code="PAIRS_UNEVEN",
        )
    files = list(zip(predictions, truths, strict=True))
    cases = told_names([_names_in_order(*pair) for pair in files])
    return tuple(Pair(case, *pair) for case, pair in zip(cases, files, strict=True)), ()


def load_pair(pair: Pair, names: Path | None = None) -> LoadedPair:
    """Read both files, and names from the file `names` or from `labels.json` beside the truth.

    Without such a file labels are named by their numbers. Raises what `matched` raises, and
    `InputError` for labels without a name.
    """
    found, true = read_labelling(pair.prediction), read_labelling(pair.truth)
    return matched(found, true, _names_of(pair.truth, names), pair.case)


def matched(
    found: Labelling, true: Labelling, names: Mapping[int, str] | None = None, case: str = ""
) -> LoadedPair:
    """Return a prediction and its truth on one grid; without `names` numbers name the labels.

    A prediction on the truth's grid that was stored along other axes is turned, never resampled.
    Raises `GeometryError` for different grids, and `InputError` for an empty truth and for negative
    labels.
    """
    reads = found, true
    prediction, truth = found.volume, true.volume
    if found.is_part:
        prediction = embedded(turned_to(prediction, truth), truth)
    if true.is_part:
        truth = embedded(turned_to(truth, prediction), prediction)
    for labels, what in ((prediction, "the prediction"), (truth, "the truth")):
        require_no_negative(labels, what)
    unplaced = [what for read, what in zip(reads, FILES, strict=True) if not read.sides_known]
    hint = f" (the {' and the '.join(unplaced)} gives no orientation)" if unplaced else ""
    of_case = f" of {case}" if case else ""
    placed, turned = _on_grid_of(truth, prediction, f"the prediction{of_case}{hint}")
    if not truth.voxels.any():
        raise InputError(
            "the truth is empty (all voxels are 0): give a truth with bone to compare with",
            code="EMPTY_MASK",
        )
    said = [_said_of(what, read) for read, what in zip(reads, FILES, strict=True)]
    findings = (*said[0], *turned, *said[1])
    return LoadedPair(placed, LabelMap(truth, names or _numbers(truth)), bool(names), findings)


def _on_grid_of(true: Volume, found: Volume, what: str) -> tuple[Volume, tuple[Finding, ...]]:
    """Return the prediction on the truth's indices, and a finding if it had to be turned."""
    turned = turned_to(found, true)
    if not true.same_grid(turned, SAME_PLACE_MM):
        true.require_same_grid(found, what, SAME_PLACE_MM)
    placed = true.with_voxels(np.ascontiguousarray(turned.voxels))
    if true.same_grid(found, SAME_PLACE_MM):
        return placed, ()
    message = "prediction: stored along other axes than the truth, on the same grid"
    return placed, (info("TURNED", message, "turned, not resampled"),)


def _said_of(what: str, read: Labelling) -> tuple[Finding, ...]:
    return tuple(replace(item, message=f"{what}: {item.message}") for item in read.findings)


def _listed(path: Path, names: Sequence[str]) -> dict[str, Path]:
    return label_files(path, names) if path.is_dir() else {}


def _names_in_order(prediction: Path, truth: Path) -> list[tuple[str, Path]]:
    """Return possible names of a case, the best first, each with the file that it comes from."""
    own = [(stem(path).removesuffix(".dcm"), path) for path in (prediction, truth)]
    telling = [(name, path) for name, path in own if name.lower() not in ROLES]
    folders = [(path.absolute().parent.name, path) for _, path in own]
    return telling or [*folders, *own]


def _by_name(
    found: Mapping[str, Path], true: Mapping[str, Path]
) -> tuple[tuple[Pair, ...], tuple[FailedCase, ...]]:
    files = {**true, **found}
    told = dict(
        zip(
            sorted(files),
            told_names([[(case, files[case])] for case in sorted(files)]),
            strict=True,
        )
    )
    pairs = tuple(Pair(told[case], found[case], true[case]) for case in found if case in true)
    if not pairs:
        raise InputError(
            f"no prediction has the name of a truth ({told[next(iter(found))]}, … and "
            f"{told[next(iter(true))]}, …): give both the same file names",
            code="NO_PARTNER",
        )
    alone = [FailedCase(told[case], "no truth has this name") for case in found.keys() - true]
    alone += [FailedCase(told[case], "no prediction has this name") for case in true.keys() - found]
    return pairs, tuple(sorted(alone, key=lambda case: case.name))


def _names_of(truth: Path, names: Path | None) -> dict[int, str]:
    if names is not None:
        return read_label_names(names, stem(truth))
    beside = truth.parent / LABEL_NAMES
    return read_label_names(beside, stem(truth)) if beside.is_file() else {}


def _numbers(labels: Volume) -> dict[int, str]:
    return {label: f"label {label}" for label in label_boxes(labels.voxels)}
