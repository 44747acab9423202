import numpy as np
from tests.refusals import refused

from afunet.errors import GeometryError
from afunet.geometry import LabelMap, Volume
from afunet.geometry.labels import label_sizes


def volume_of(row: list[int] | list[float]) -> Volume:
    return Volume(np.array([[row]]), np.eye(4))


LEG = LabelMap(volume_of([0, 75, 76, 75, 0]), {75: "femur", 76: "tibia", 3: "patella"})


def test_the_mask_of_one_structure_is_one_only_there() -> None:
    mask = LEG.mask("femur")
    assert mask.voxels.tolist() == [[[0, 1, 0, 1, 0]]]
    assert mask.voxels.dtype == np.uint8
    assert mask.same_grid(LEG.volume)


def test_a_named_structure_that_is_not_in_the_image_has_an_empty_mask() -> None:
    assert not LEG.mask("patella").voxels.any()


def test_two_labels_with_one_name_are_one_structure() -> None:
    both = LabelMap(volume_of([1, 0, 2]), {1: "femur", 2: "femur"})
    assert both.mask("femur").voxels.tolist() == [[[1, 0, 1]]]


def test_the_foreground_is_every_structure() -> None:
    assert LEG.foreground().voxels.tolist() == [[[0, 1, 1, 1, 0]]]
    assert LEG.foreground().voxels.dtype == np.uint8


def test_an_unknown_structure_is_refused_with_those_that_there_are() -> None:
    with refused(GeometryError, "UNKNOWN_NAME", "'fibula'", "femur", "patella", "tibia"):
        LEG.mask("fibula")


def test_a_label_without_a_name_is_refused() -> None:
    with refused(GeometryError, "LABEL_UNKNOWN", [7], [1]):
        LabelMap(volume_of([0, 1, 7]), {1: "femur"})


def test_labels_that_are_not_integers_are_refused() -> None:
    with refused(GeometryError, "BAD_LABELS", "float64"):
        LabelMap(volume_of([0.0, 1.0]), {1: "femur"})


def test_the_voxels_of_every_label_are_counted_without_the_background() -> None:
    labels = np.array([[[0, 3, 3], [0, 1, 0]]], dtype=np.uint8)
    assert label_sizes(labels).tolist() == [0, 1, 0, 2]
    assert label_sizes(labels, 6).tolist() == [0, 1, 0, 2, 0, 0]
    assert label_sizes(np.zeros_like(labels)).tolist() == [0]
