"""What every metric of `METRICS` and `SURFACE_METRICS` must do, on masks of uneven voxels."""

from collections.abc import Callable

import numpy as np
import pytest
from scipy import ndimage

from afunet.evaluation.overlap import METRICS
from afunet.evaluation.structures import ALL_METRICS, score_structure
from afunet.evaluation.surface import SURFACE_METRICS

SPACING = (2.5, 0.8, 0.6)
SHAPE = (9, 24, 22)


@pytest.fixture(params=ALL_METRICS)
def name(request: pytest.FixtureRequest) -> str:
    return str(request.param)


def random_mask(seed: int) -> np.ndarray:
    """Smooth blobs that stay two voxels away from the edges, so that they can be moved."""
    noise = np.random.default_rng(seed).standard_normal(SHAPE)
    smooth = ndimage.gaussian_filter(noise, (0.8, 2.0, 2.0))
    mask = np.zeros(SHAPE, np.uint8)
    inside = (slice(2, -2),) * 3
    mask[inside] = (smooth > np.quantile(smooth, 0.75))[inside]
    return mask


FOUND, TRUE = random_mask(1), random_mask(1) & random_mask(2) | random_mask(3)
EMPTY = np.zeros_like(TRUE)


def value(name: str, found: np.ndarray, true: np.ndarray, spacing=SPACING) -> float:
    return score_structure(found, true, spacing)[name]


def test_the_masks_are_worth_comparing(name: str) -> None:
    metric = ALL_METRICS[name]
    assert value(name, FOUND, TRUE) not in (metric.best, metric.worst)


def test_equal_masks_get_the_best_value(name: str) -> None:
    assert value(name, TRUE, TRUE) == ALL_METRICS[name].best


def test_nothing_to_find_and_nothing_found_gets_the_best_value(name: str) -> None:
    assert value(name, EMPTY, EMPTY) == ALL_METRICS[name].best


def test_a_structure_on_one_side_only_gets_the_worst_value(name: str) -> None:
    assert value(name, EMPTY, TRUE) == value(name, FOUND, EMPTY) == ALL_METRICS[name].worst


def test_every_value_lies_between_the_worst_and_the_best(name: str) -> None:
    metric = ALL_METRICS[name]
    low, high = sorted((metric.best, metric.worst))
    for seed in range(10, 16):
        assert low < value(name, random_mask(seed), random_mask(seed + 10)) < high


def test_prediction_and_truth_may_change_places_where_stated_and_only_there(name: str) -> None:
    there, back = value(name, FOUND, TRUE), value(name, TRUE, FOUND)
    assert (there == pytest.approx(back, rel=1e-6)) == ALL_METRICS[name].symmetric


@pytest.mark.parametrize("step", [(1, 0, 0), (0, -2, 1), (-2, 2, -2), (2, 2, 2)])
def test_moving_both_masks_together_changes_nothing(name: str, step: tuple[int, ...]) -> None:
    """(2, 2, 2) and (-2, 2, -2) bring them to the edge of the grid."""
    moved = [np.roll(mask, step, axis=(0, 1, 2)) for mask in (FOUND, TRUE)]
    assert value(name, *moved) == pytest.approx(value(name, FOUND, TRUE), rel=1e-6)


def test_the_number_that_marks_the_structure_does_not_matter(name: str) -> None:
    assert value(name, FOUND * 7, TRUE.astype(np.int32) * 300) == value(name, FOUND, TRUE)


@pytest.mark.parametrize(
    "order", [np.asfortranarray, lambda mask: mask[::-1].copy()[::-1], lambda mask: mask > 0]
)
def test_the_order_of_the_voxels_in_memory_does_not_matter(
    name: str, order: Callable[[np.ndarray], np.ndarray]
) -> None:
    assert value(name, order(FOUND), order(TRUE)) == value(name, FOUND, TRUE)


@pytest.mark.parametrize("axes", [(1, 2, 0), (2, 0, 1), (2, 1, 0)])
def test_axes_may_be_exchanged_with_their_spacing(name: str, axes: tuple[int, int, int]) -> None:
    turned = [mask.transpose(axes) for mask in (FOUND, TRUE)]
    spacing = tuple(SPACING[axis] for axis in axes)
    assert value(name, *turned, spacing) == pytest.approx(value(name, FOUND, TRUE), rel=1e-6)


def test_voxels_twice_as_large_double_distances_and_leave_overlap_alone(name: str) -> None:
    doubled = tuple(2 * step for step in SPACING)
    before, after = value(name, FOUND, TRUE), value(name, FOUND, TRUE, doubled)
    if ALL_METRICS[name].unit == "mm":
        assert after == pytest.approx(2 * before, rel=1e-6)
    elif name in SURFACE_METRICS:
        assert after < before  # the tolerance stays the same number of millimetres
    else:
        assert after == before


def test_one_axis_stretched_changes_surface_metrics_and_no_overlap(name: str) -> None:
    stretched = value(name, FOUND, TRUE, (*SPACING[:2], 4 * SPACING[2]))
    assert (stretched != value(name, FOUND, TRUE)) == (name in SURFACE_METRICS)


@pytest.mark.filterwarnings("ignore")  # the libraries' own
@pytest.mark.parametrize("seed", range(20, 24))
def test_monai_finds_the_same(name: str, seed: int) -> None:
    expected = MONAI[name](random_mask(seed), random_mask(seed) & random_mask(seed + 10))
    found = value(name, random_mask(seed), random_mask(seed) & random_mask(seed + 10))
    assert found == pytest.approx(expected, rel=1e-5)


def _monai(function: str, found: np.ndarray, true: np.ndarray, **options: object) -> float:
    metrics, torch = pytest.importorskip("monai.metrics"), pytest.importorskip("torch")
    pair = [torch.from_numpy(mask.astype(np.float32))[None, None] for mask in (found, true)]
    return float(getattr(metrics, function)(*pair, include_background=True, **options))


def _confusion(kind: str) -> Callable[[np.ndarray, np.ndarray], float]:
    def ratio(found: np.ndarray, true: np.ndarray) -> float:
        metrics, torch = pytest.importorskip("monai.metrics"), pytest.importorskip("torch")
        pair = [torch.from_numpy(mask.astype(np.float32))[None, None] for mask in (found, true)]
        matrix = metrics.get_confusion_matrix(*pair, include_background=True)
        return float(metrics.compute_confusion_matrix_metric(kind, matrix))

    return ratio


# A metric without an entry here fails the test above: say what it is held against.
MONAI: dict[str, Callable[[np.ndarray, np.ndarray], float]] = {
    "dice": lambda *pair: _monai("compute_dice", *pair),
    "iou": lambda *pair: _monai("compute_iou", *pair),
    "recall": _confusion("recall"),
    "precision": _confusion("precision"),
    "nsd_1mm": lambda *pair: _monai(
        "compute_surface_dice", *pair, class_thresholds=[1.0], spacing=SPACING
    ),
    "nsd_2mm": lambda *pair: _monai(
        "compute_surface_dice", *pair, class_thresholds=[2.0], spacing=SPACING
    ),
    "hd95_mm": lambda *pair: _monai(
        "compute_hausdorff_distance", *pair, percentile=95, spacing=SPACING
    ),
    "assd_mm": lambda *pair: _monai(
        "compute_average_surface_distance", *pair, symmetric=True, spacing=SPACING
    ),
}


def test_the_tables_share_no_name() -> None:
    assert len(ALL_METRICS) == len(METRICS) + len(SURFACE_METRICS)
