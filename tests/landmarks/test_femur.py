from collections.abc import Callable

import numpy as np
import pytest
import trimesh
from scipy.spatial.transform import Rotation

from afunet.geometry import Mesh
from afunet.landmarks.femur import (
    CUT,
    EPICONDYLAR,
    FEMUR_MEASURES,
    HEAD_DIAMETER,
    MLDFA,
    NECK_SHAFT,
    NO_HEAD,
    OF_WHOLE,
    OTHER_SIDE,
    VERSION_NECK,
    measure_femur,
)
from afunet.reconstruction.surface_points import points_on

Limb = Callable[[int, str], dict[str, Mesh]]
COUNT = 60_000
RIM = "Inferior Femoral Head (IFH)"  # on the rim of the head: found or not


def test_what_has_no_head_shows_nothing() -> None:
    box = trimesh.creation.box((30, 40, 400))
    found = measure_femur(points_on(Mesh(box.vertices, box.faces), 10_000))
    assert not found.landmarks
    assert not found.measures
    assert found.missing == dict.fromkeys(FEMUR_MEASURES, NO_HEAD)


def test_angles_of_a_limb_are_those_of_a_person(limb: Limb) -> None:
    measures = measure_femur(points_on(limb(0, "left")["femur left"], COUNT)).measures
    assert set(measures) == set(FEMUR_MEASURES)
    assert 0 < measures[VERSION_NECK] < 30
    assert 115 < measures[NECK_SHAFT] < 140
    assert 83 < measures[MLDFA] < 92
    assert 0 < measures[EPICONDYLAR] < 8


def test_landmarks_lie_where_their_names_say(limb: Limb) -> None:
    """In this frame of the file x is lateral, y posterior and z proximal, for a left femur."""
    at = measure_femur(points_on(limb(3, "left")["femur left"], COUNT)).landmarks
    for axis, high, low in (
        (0, "Lateral Epicondyle (LEC)", "Medial Epicondyle (MEC)"),
        (0, "Posterior Lateral Condyle (PLC)", "Posterior Medial Condyle (PMC)"),
        (1, "Posterior Neck Isthmus (PNI)", "Anterior Neck Isthmus (ANI)"),
        (1, "Posterior Medial Condyle (PMC)", "Medial Epicondyle (MEC)"),
        (2, "Superior Neck Isthmus (SNI)", "Inferior Neck Isthmus (INI)"),
        (2, "Superior Greater Trochanter (SGT)", "Lesser Trochanter (LT)"),
        (2, "Proximoposterior Medial Condyle (PPMC)", "Posterior Medial Condyle (PMC)"),
        (2, "Intercondylar Notch (ICN)", "Distal Lateral Condyle (DLC)"),
    ):
        assert at[high][axis] > at[low][axis] + 2, (high, low)


@pytest.mark.parametrize("seed", [1, 2])
def test_a_turned_and_resampled_femur_takes_its_landmarks_along(limb: Limb, seed: int) -> None:
    femur = limb(3, "left")["femur left"]
    move = np.eye(4)
    move[:3, :3] = Rotation.random(random_state=seed).as_matrix()
    move[:3, 3] = (100, -40, 700)
    first = measure_femur(points_on(femur, COUNT))
    second = measure_femur(points_on(femur.transformed(move), COUNT, seed=seed))
    for name, point in first.landmarks.items():
        moved = move[:3, :3] @ point + move[:3, 3]
        if name != RIM:
            assert np.linalg.norm(second.landmarks[name] - moved) < 3, name
    head = "Femoral Head Centre"
    moved = move[:3, :3] @ first.landmarks[head] + move[:3, 3]
    assert np.linalg.norm(second.landmarks[head] - moved) < 0.2
    for definition in (VERSION_NECK, NECK_SHAFT, MLDFA):
        assert second.measures[definition] == pytest.approx(first.measures[definition], abs=1)


def test_a_mirrored_right_femur_is_the_left_one(limb: Limb) -> None:
    mirror = np.diag([-1.0, 1, 1, 1])
    left = measure_femur(points_on(limb(4, "left")["femur left"], COUNT))
    right = limb(4, "right")["femur right"].transformed(mirror)
    found = measure_femur(points_on(right, COUNT))
    for definition, value in left.measures.items():
        assert found.measures[definition] == pytest.approx(value, abs=0.5), definition.name


def test_a_femur_of_the_wrong_side_shows_its_head_only(limb: Limb) -> None:
    found = measure_femur(points_on(limb(0, "right")["femur right"], COUNT))
    assert list(found.measures) == [HEAD_DIAMETER]
    assert found.missing == dict.fromkeys(OF_WHOLE, OTHER_SIDE)


@pytest.mark.parametrize("cut_at", [0.05, 0.5])
def test_a_cut_femur_shows_its_head_only(limb: Limb, cut_at: float) -> None:
    femur = limb(0, "left")["femur left"]
    low, high = femur.bounds_mm()
    level = low[2] + cut_at * (high[2] - low[2])
    vertices = femur.vertices_mm.copy()
    vertices[:, 2] = np.maximum(vertices[:, 2], level)  # flattened to where the scan begins
    found = measure_femur(points_on(Mesh(vertices, femur.faces), COUNT))
    assert list(found.landmarks) == ["Femoral Head Centre"]
    assert found.missing == dict.fromkeys(OF_WHOLE, CUT)


def test_a_femur_without_its_upper_end_shows_nothing(limb: Limb) -> None:
    femur = limb(0, "left")["femur left"]
    low, high = femur.bounds_mm()
    vertices = femur.vertices_mm.copy()
    vertices[:, 2] = np.minimum(vertices[:, 2], (low[2] + high[2]) / 2)
    assert not measure_femur(points_on(Mesh(vertices, femur.faces), COUNT)).measures
