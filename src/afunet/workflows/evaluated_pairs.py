"""Which label file is judged by which: pairs from two lists or from two folders."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from afunet.errors import InputError
from afunet.formats.label_files import label_files, stem
from afunet.formats.label_names import read_label_names
from afunet.formats.readers import read_labels
from afunet.geometry import LabelMap, Volume, label_boxes
from afunet.workflows.phantom import NAMES
from afunet.workflows.segment_many import FailedCase

MASKS, PIECES = ("mask", "bones", "truth"), ("instances", "fragments")


@dataclass(frozen=True)
class Pair:
    """A prediction, its truth, and what the case is called."""

    case: str
    prediction: Path
    truth: Path


@dataclass(frozen=True, eq=False)
class LoadedPair:
    """Both label maps, on one grid; `named` tells whether the names came from a file."""

    found: Volume
    true: LabelMap
    named: bool

    @property
    def labels_found(self) -> int:
        """How many labels the prediction has, the background not counted."""
        return len(label_boxes(self.found.voxels))

    @property
    def labels_true(self) -> int:
        """How many labels the truth has."""
        return len(label_boxes(self.true.volume.voxels))


def pair_up(
    predictions: Sequence[Path], truths: Sequence[Path], *, fragments: bool = False
) -> tuple[tuple[Pair, ...], tuple[FailedCase, ...]]:
    """Pairs in the order given, or by name from two folders; and what is left without a partner.

    A folder of label files has one case a file, or one a folder below it (see `label_files`).
    Lists of different lengths and folders that share no name raise `InputError`.
    """
    if len(predictions) == len(truths) == 1:
        names = (*PIECES, *MASKS) if fragments else MASKS
        found, true = (_listed(paths[0], names) for paths in (predictions, truths))
        if found and true:
            return _by_name(found, true)
    if len(predictions) != len(truths):
        raise InputError(
            f"{len(predictions)} predictions and {len(truths)} truths: give one truth for each"
        )
    numbered = enumerate(zip(predictions, truths, strict=True), start=1)
    return tuple(Pair(f"case {number}", *files) for number, files in numbered), ()


def load_pair(pair: Pair, names: Path | None = None) -> LoadedPair:
    """Read both files; names from the file `names`, or from `labels.json` beside the truth.

    Without any, labels are called by their numbers. Raises `GeometryError` for two grids,
    `InputError` for a truth of background alone, negative labels and labels without a name.
    """
    found, true = read_labels(pair.prediction), read_labels(pair.truth)
    true.require_same_grid(found, f"the prediction of {pair.case}")
    for labels, what in ((found, "prediction"), (true, "truth")):
        if labels.voxels.min() < 0:
            raise InputError(f"the {what} has negative labels, the lowest {labels.voxels.min()}")
    if not true.voxels.any():
        raise InputError("the truth is empty, all its voxels are 0: there is nothing to compare")
    known = _names_of(pair.truth, names)
    return LoadedPair(found, LabelMap(true, known or _numbers(true)), bool(known))


def _listed(path: Path, names: Sequence[str]) -> dict[str, Path]:
    return label_files(path, names) if path.is_dir() else {}


def _by_name(
    found: Mapping[str, Path], true: Mapping[str, Path]
) -> tuple[tuple[Pair, ...], tuple[FailedCase, ...]]:
    pairs = tuple(Pair(case, found[case], true[case]) for case in found if case in true)
    if not pairs:
        raise InputError(
            f"no prediction has the name of a truth: {next(iter(found))}, … and "
            f"{next(iter(true))}, …"
        )
    alone = [FailedCase(case, "it has no truth of that name") for case in found.keys() - true]
    alone += [FailedCase(case, "it has no prediction") for case in true.keys() - found]
    return pairs, tuple(sorted(alone, key=lambda case: case.name))


def _names_of(truth: Path, names: Path | None) -> dict[int, str]:
    if names is not None:
        return read_label_names(names, stem(truth))
    beside = truth.parent / NAMES
    return read_label_names(beside, stem(truth)) if beside.is_file() else {}


def _numbers(labels: Volume) -> dict[int, str]:
    return {label: f"label {label}" for label in label_boxes(labels.voxels)}
