"""Compare predicted masks with the ground truth, file by file or for a slice folder."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from afunet.data.labelled import classes_of
from afunet.data.locate import locate_data
from afunet.data.slices import LabelledSlice
from afunet.errors import AfunetError, InputError
from afunet.evaluation.fragments import FragmentScore, match_fragments
from afunet.evaluation.overlap import (
    METRICS,
    Agreement,
    Counts,
    agreement,
    count,
    count_slices,
    sum_counts,
)
from afunet.evaluation.statistics import Estimate, estimates
from afunet.evaluation.structures import (
    ALL_METRICS,
    StructureMean,
    StructureScore,
    mean_of_finite,
    score_structures,
    structure_means,
)
from afunet.evaluation.surface import SURFACE_METRICS, surface_distances
from afunet.findings import Finding
from afunet.formats.labelling import Labelling
from afunet.formats.readers import Image, read_labelling
from afunet.geometry import Volume
from afunet.inference.cutting import Cutting
from afunet.inference.device_choice import DeviceChoice
from afunet.inference.predictor import Predictor
from afunet.inference.runtime_choice import RuntimeChoice
from afunet.watch import UNWATCHED, Watch
from afunet.workflows.evaluated_pairs import LoadedPair, Pair, load_pair, matched
from afunet.workflows.failed_case import FailedCase
from afunet.workflows.network import load_network
from afunet.workflows.scoring import (
    LabelsOf,
    load_split,
    network_labels,
    of_status,
    score_slices,
)
from afunet.workflows.volume_predictions import predicted_labels

STAGE = "evaluating"
SMALLEST_MM3 = 50.0


@dataclass(frozen=True)
class Evaluation:
    """The averages, and each case's metrics over its pooled slices.

    `classes` has the averages of each class, if the network has several. `distances` has every
    metric of `SURFACE_METRICS` by case, in 3D; it is empty for slice folders, whose slices form no
    volume. `means` are the means of `cases` and `distances` with intervals over `unit`.
    `structures` has a case's score for each of its labels; it is empty if the predictions or the
    truths have bone only. `fragments` has the matching of a case's pieces, if asked for. `failed`
    lists the cases that could not be compared, `findings` the findings about the other files.
    """

    agreement: Agreement
    cases: Mapping[str, Mapping[str, float]]
    means: Mapping[str, Estimate | None]
    unit: str = "cases"
    distances: Mapping[str, Mapping[str, float]] = field(default_factory=dict)
    structures: Mapping[str, tuple[StructureScore, ...]] = field(default_factory=dict)
    fragments: Mapping[str, FragmentScore] = field(default_factory=dict)
    classes: Mapping[str, Agreement] = field(default_factory=dict)
    failed: tuple[FailedCase, ...] = ()
    findings: Mapping[str, tuple[Finding, ...]] = field(default_factory=dict)

    @property
    def structure_means(self) -> tuple[StructureMean, ...]:
        """Return each structure's means over the cases that have it."""
        return structure_means(list(self.structures.values()))


@dataclass(frozen=True)
class Scores:
    """The scores of a prediction: `values` has every metric of `ALL_METRICS` for all bone.

    `structures` has the metrics of each label if both volumes have several; `findings` are about
    both. If one of these is `SPACING_UNKNOWN`, values in mm are meaningless.
    """

    values: Mapping[str, float]
    structures: tuple[StructureScore, ...] = ()
    findings: tuple[Finding, ...] = ()


@dataclass(frozen=True, eq=False)
class _CaseScore:
    """The scores of one case; `structures` is an error if labels differ in meaning."""

    slices: list[Counts]
    distances: dict[str, float]
    structures: tuple[StructureScore, ...] | InputError
    fragments: FragmentScore | None
    labels_found: int
    findings: tuple[Finding, ...]


def evaluate(
    prediction: Image,
    truth: Image,
    *,
    names: Mapping[int, str] | None = None,
    spacing_mm: tuple[float, float, float] | None = None,
) -> Scores:
    """Compare two label volumes, from files or memory: any label but 0 as bone, and label by label.

    `names` has the names of the truth's labels; the same number means the same bone. `spacing_mm`
    is the voxel size (column, row, slice) of arrays and PNG masks; an array that is compared with
    an image of another kind takes the image's grid. Raises `InputError` and `GeometryError` as
    `load_pair` does.
    """
    pair = matched(*_both_read(prediction, truth, spacing_mm), names)
    score = _score(pair, None)
    values = {name: metric(sum_counts(score.slices)) for name, metric in METRICS.items()}
    structures = score.structures if isinstance(score.structures, tuple) else ()
    by_label = structures if pair.labels_found > 1 else ()
    return Scores({**values, **score.distances}, by_label, pair.findings)


def _both_read(
    prediction: Image, truth: Image, spacing_mm: tuple[float, float, float] | None
) -> tuple[Labelling, Labelling]:
    if isinstance(prediction, np.ndarray) and not isinstance(truth, np.ndarray):
        true = read_labelling(truth, spacing_mm=spacing_mm)
        return read_labelling(Volume(prediction, true.volume.affine)), true
    found = read_labelling(prediction, spacing_mm=spacing_mm)
    if isinstance(truth, np.ndarray) and not isinstance(prediction, np.ndarray):
        return found, read_labelling(Volume(truth, found.volume.affine))
    return found, read_labelling(truth, spacing_mm=spacing_mm)


def evaluate_masks(
    pairs: Sequence[Pair],
    *,
    names: Path | None = None,
    fragments: bool = False,
    smallest_mm3: float = SMALLEST_MM3,
    watch: Watch = UNWATCHED,
) -> Evaluation:
    """Compare label files in pairs: any label but 0 as bone, and label by label.

    Labels are compared if both truths and predictions have several. The same number means the same
    bone; its name comes from `names` or from `labels.json` beside the truth. With `fragments` the
    labels are numbers of pieces, which are matched; pieces below `smallest_mm3` are ignored. A pair
    that cannot be compared becomes a `FailedCase`. If it is the only pair, or if all pairs fail,
    the (last) `InputError` or `GeometryError` is raised.
    """
    scores: dict[str, _CaseScore] = {}
    failed: list[FailedCase] = []
    for done, pair in enumerate(pairs, start=1):
        watch.check()
        try:
            loaded = load_pair(pair, names)
            scores[pair.case] = _score(loaded, smallest_mm3 if fragments else None)
        except AfunetError as error:
            failed.append(FailedCase(pair.case, str(error), error.code))
            if len(failed) == len(pairs):
                raise
        watch.tell(STAGE, done, len(pairs))
    if not scores:
        raise InputError(
            "nothing to compare: give at least one prediction and truth", code="NOTHING_TO_COMPARE"
        )
    return _evaluation_of(scores, failed)


def evaluate_network(
    folder: Path,
    split: str,
    *,
    weights: Path | None = None,
    status: str | None = None,
    patch_px: int | None = None,
    device: DeviceChoice = DeviceChoice.AUTO,
    runtime: RuntimeChoice = RuntimeChoice.AUTO,
    watch: Watch = UNWATCHED,
) -> Evaluation:
    """Evaluate a network on one split of a store or slice folder (docs/data.md), on native pixels.

    `locate_data` finds the folder. `status` keeps only slices marked so ("checked"); `patch_px`
    cuts slices into windows of that size instead of those that suit the network. If network and
    data have the same classes, each class is scored too; if one of them has bone alone, any class
    counts as bone.
    """
    network = load_network(weights, device, runtime=runtime)
    header = network.header
    place = locate_data(folder)
    classes = _shared_classes(header.classes, classes_of(place))
    slices = of_status(load_split(place, split, header.input_slices, watch), status, split)
    suited = Predictor.of(network.engine, header)
    labels_of = network_labels(
        network.engine,
        patch_px or suited.patch_px,
        header.threshold,
        Cutting.TRAINED if patch_px else suited.cutting,
    )
    return _evaluation_of_slices(labels_of, slices, classes, watch)


def evaluate_predictions(
    predictions: Path,
    folder: Path,
    split: str,
    *,
    status: str | None = None,
    watch: Watch = UNWATCHED,
) -> Evaluation:
    """Evaluate masks of another program for one split of a store, as `evaluate_network` does.

    `predictions` has a file for each case that `export_nnunet` wrote. Raises what
    `predicted_labels` raises.
    """
    place = locate_data(folder)
    everything = load_split(place, split, 1, watch)
    labels_of = predicted_labels(predictions, everything, watch)
    classes = classes_of(place)
    several = classes if len(classes) > 1 else ()
    return _evaluation_of_slices(labels_of, of_status(everything, status, split), several, watch)


def _evaluation_of_slices(
    labels_of: LabelsOf, slices: Sequence[LabelledSlice], classes: Sequence[str], watch: Watch
) -> Evaluation:
    by_class: dict[str, dict[str, list[Counts]]] = {name: {} for name in classes}

    def mask_of(item: LabelledSlice) -> NDArray[np.bool_]:
        found = labels_of(item)
        for number, cases in enumerate(by_class.values(), start=1):
            own = count(found == number, item.mask == number)
            cases.setdefault(item.record.case, []).append(own)
        return np.asarray(found != 0)

    scores = score_slices(mask_of, slices, watch)
    counts: dict[str, list[Counts]] = {}
    for score in scores:
        counts.setdefault(score.case, []).append(score.counts)
    return Evaluation(
        agreement(list(counts.values())),
        _overlaps(counts),
        means=estimates([scores])["per_case"],
        unit="patients",
        classes={name: agreement(list(cases.values())) for name, cases in by_class.items()},
    )


def _shared_classes(network: tuple[str, ...], data: tuple[str, ...]) -> tuple[str, ...]:
    """Return the classes that both have; none if one of them has a single class."""
    if 1 in (len(network), len(data)):
        return ()
    if network != data:
        raise InputError(
            f"the weights have the classes {', '.join(network)}, the data {', '.join(data)}: "
            "prepare the data with the classes of the weights, in the same order",
            code="CLASSES_DIFFER",
        )
    return network


def _score(pair: LoadedPair, smallest_mm3: float | None) -> _CaseScore:
    found, true = pair.found, pair.true.volume
    apart = surface_distances(found.voxels, true.voxels, true.array_spacing_mm)
    return _CaseScore(
        count_slices(found.voxels != 0, true.voxels != 0),
        {name: metric(apart) for name, metric in SURFACE_METRICS.items()},
        _structures(pair) if smallest_mm3 is None else (),
        None
        if smallest_mm3 is None
        else match_fragments(found, true, smallest_mm3, distances=True),
        pair.labels_found,
        pair.findings,
    )


def _structures(pair: LoadedPair) -> tuple[StructureScore, ...] | InputError:
    """Return scores by label, or the `InputError` of labels that differ in meaning.

    Raises it if both files have several labels.
    """
    truth_has_labels = pair.named or pair.labels_true > 1
    if not truth_has_labels and pair.labels_found == 1:
        return ()
    try:
        return score_structures(pair.found, pair.true)
    except InputError as error:
        if truth_has_labels and pair.labels_found > 1:
            raise
        return error


def _evaluation_of(scores: Mapping[str, _CaseScore], failed: Sequence[FailedCase]) -> Evaluation:
    counts = {case: score.slices for case, score in scores.items()}
    overlaps, distances = _overlaps(counts), {case: s.distances for case, s in scores.items()}
    values = [{**overlaps[case], **distances[case]} for case in scores]
    structures, unlike = _by_label(scores)
    return Evaluation(
        agreement(list(counts.values())),
        overlaps,
        means={name: mean_of_finite([row[name] for row in values]) for name in ALL_METRICS},
        distances=distances,
        structures=structures,
        fragments={case: s.fragments for case, s in scores.items() if s.fragments is not None},
        failed=(*failed, *unlike),
        findings={case: score.findings for case, score in scores.items() if score.findings},
    )


def _by_label(
    scores: Mapping[str, _CaseScore],
) -> tuple[dict[str, tuple[StructureScore, ...]], list[FailedCase]]:
    """Return scores by label and the cases without; nothing if no prediction has several labels.

    A single label may mean all bone. It means one bone only if other predictions have several.
    """
    scored = {case: s.structures for case, s in scores.items() if isinstance(s.structures, tuple)}
    if not any(scored[case] and scores[case].labels_found > 1 for case in scored):
        return {}, []
    unlike = [
        FailedCase(case, f"compared as all bone only: {score.structures}")
        for case, score in scores.items()
        if isinstance(score.structures, InputError)
    ]
    return {case: structures for case, structures in scored.items() if structures}, unlike


def _overlaps(counts: Mapping[str, Sequence[Counts]]) -> dict[str, dict[str, float]]:
    return {
        case: {name: metric(sum_counts(slices)) for name, metric in METRICS.items()}
        for case, slices in counts.items()
    }
