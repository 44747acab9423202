"""Scores of several structures at once, and their means."""

import numpy as np
import pytest
from tests.refusals import refused

from afunet.errors import GeometryError, InputError
from afunet.evaluation.structures import (
    ALL_METRICS,
    StructureScore,
    score_structure,
    score_structures,
    structure_means,
)
from afunet.geometry import LabelMap, Volume

AFFINE = np.diag([0.5, 1.0, 2.0, 1.0])
NAMES = {1: "femur", 2: "tibia", 9: "patella"}


def row(*labels: int) -> Volume:
    """One row of voxels, 0.5 mm each."""
    return Volume(np.array([[labels]], dtype=np.uint8), AFFINE)


def truth(*labels: int) -> LabelMap:
    return LabelMap(row(*labels), NAMES)


def test_each_label_is_a_structure_of_its_own() -> None:
    """Femur: 2 of 3 found, 2 / (2 · 2 + 1) each; tibia: all; nobody has a patella."""
    femur, tibia = score_structures(row(1, 1, 0, 0, 2, 2), truth(1, 1, 1, 0, 2, 2))
    assert (femur.structure, tibia.structure) == ("femur", "tibia")
    assert set(femur.values) == set(ALL_METRICS)
    assert femur.values["dice"] == pytest.approx(4 / 5)
    assert femur.values["hd95_mm"] == pytest.approx(0.45)  # of 0, 0 and 0.5 mm
    assert tibia.values["dice"] == 1


def test_a_structure_scores_as_its_mask_alone() -> None:
    random = np.random.default_rng(3)
    found, true = (Volume(random.integers(0, 3, (4, 9, 8)), AFFINE) for _ in range(2))
    for label, score in enumerate(score_structures(found, LabelMap(true, NAMES)), start=1):
        masks = found.voxels == label, true.voxels == label
        assert score.values == pytest.approx(score_structure(*masks, true.array_spacing_mm))


def test_a_structure_on_one_side_only_has_the_worst_values() -> None:
    femur, tibia, patella = score_structures(row(1, 2, 0), truth(1, 0, 9))
    worst = {name: metric.worst for name, metric in ALL_METRICS.items()}
    assert femur.values["dice"] == 1
    assert dict(tibia.values) == dict(patella.values) == worst


def test_a_label_without_a_name_is_refused() -> None:
    with refused(InputError, "LABEL_UNKNOWN", "4, 5", "1, 2, 9"):
        score_structures(row(1, 4, 5), truth(1, 2, 9))


def test_another_grid_is_refused() -> None:
    with refused(GeometryError, "OTHER_GRID"):
        score_structures(row(1, 2), truth(1, 2, 0))


def test_means_are_over_the_cases_that_have_the_structure() -> None:
    """Distances are averaged where both sides have it; the others are counted."""
    same = {name: metric.best for name, metric in ALL_METRICS.items()}
    lost = {name: metric.worst for name, metric in ALL_METRICS.items()}
    cases = [
        [StructureScore("femur", same), StructureScore("tibia", same)],
        [StructureScore("femur", lost)],
        [StructureScore("femur", {**same, "dice": 0.5, "hd95_mm": 3.0})],
    ]
    femur, tibia = structure_means(cases)
    assert (femur.structure, femur.cases, femur.one_sided) == ("femur", 3, 1)
    assert femur.values["dice"].value == pytest.approx(1.5 / 3)
    assert femur.values["hd95_mm"].value == pytest.approx(3 / 2)
    assert (tibia.cases, tibia.values["dice"].low) == (1, None)
    assert structure_means([[StructureScore("femur", lost)]])[0].values["assd_mm"] is None
