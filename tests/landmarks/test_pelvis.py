from collections.abc import Callable

import numpy as np
import pytest
import trimesh
from scipy.spatial.transform import Rotation

from afunet.geometry import Mesh
from afunet.landmarks.pelvis import (
    INCIDENCE,
    NO_PELVIS,
    PELVIS_MEASURES,
    SOCKETS,
    SPINES,
    measure_pelvis,
)
from afunet.reconstruction.surface_points import points_on

Limb = Callable[[int, str], dict[str, Mesh]]
COUNT = 60_000
SURE = ("ASIS", "Pubic Tubercle (PT)", "Sacral Promontory (SP)", "Acetabular Centre")


def test_what_has_no_sockets_shows_nothing() -> None:
    ball = trimesh.creation.icosphere(subdivisions=4, radius=100)
    found = measure_pelvis(points_on(Mesh(ball.vertices, ball.faces), 10_000))
    assert not found.landmarks
    assert found.missing == dict.fromkeys(PELVIS_MEASURES, NO_PELVIS)


def test_half_a_pelvis_shows_nothing(limb: Limb) -> None:
    pelvis = limb(0, "left")["pelvis"]
    low, high = pelvis.bounds_mm()
    vertices = pelvis.vertices_mm.copy()
    vertices[:, 0] = np.maximum(vertices[:, 0], (low[0] + high[0]) / 2 - 10)
    found = measure_pelvis(points_on(Mesh(vertices, pelvis.faces), COUNT))
    assert found.missing == dict.fromkeys(PELVIS_MEASURES, NO_PELVIS)


def test_landmarks_lie_where_their_names_say_and_measures_are_those_of_a_person(
    limb: Limb,
) -> None:
    found = measure_pelvis(points_on(limb(0, "left")["pelvis"], COUNT))
    at = found.landmarks
    for name in ("ASIS", "PSIS", "Ischial Spine (IS)", "Pubic Tubercle (PT)"):
        assert at[f"Left {name}"][0] > at[f"Right {name}"][0] + 15, name  # x to the left
    for side in ("Left", "Right"):
        assert at[f"{side} ASIS"][1] < at[f"{side} Ischial Spine (IS)"][1] < at[f"{side} PSIS"][1]
        assert at[f"{side} ASIS"][2] > at[f"{side} Pubic Tubercle (PT)"][2]
        assert at[f"{side} PSIS"][2] > at[f"{side} Ischial Spine (IS)"][2]
    assert 140 < found.measures[SOCKETS] < 190
    assert 200 < found.measures[SPINES] < 270
    assert 30 < found.measures[INCIDENCE] < 85


@pytest.mark.parametrize("mirror", [False, True])
def test_a_turned_or_mirrored_pelvis_takes_its_landmarks_along(limb: Limb, mirror: bool) -> None:
    pelvis = limb(0, "left")["pelvis"]
    move = np.eye(4)
    move[:3, :3] = Rotation.random(random_state=3).as_matrix() @ np.diag([1 - 2 * mirror, 1, 1])
    first = measure_pelvis(points_on(pelvis, COUNT)).landmarks
    second = measure_pelvis(points_on(pelvis.transformed(move), COUNT, seed=1)).landmarks
    other = {"Left": "Right", "Right": "Left"}
    for name, point in first.items():
        side, _, rest = name.partition(" ")
        same = f"{other[side]} {rest}" if mirror and side in other else name
        if name.endswith(SURE):
            assert np.linalg.norm(second[same] - move[:3, :3] @ point) < 4, name
