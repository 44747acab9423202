"""Legs of the shape model, changed in known ways: the measures change by as much, and no other."""

from collections.abc import Callable, Mapping

import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from afunet.anatomy.bones import Bone
from afunet.geometry import Mesh
from afunet.landmarks.femur import FEMUR_LENGTH, NO_HEAD, SULCUS
from afunet.landmarks.fibula import CUT as FIBULA_CUT
from afunet.landmarks.fibula import FIBULA_LENGTH
from afunet.landmarks.leg import (
    DEVIATION,
    FLEXION,
    HKA,
    INSALL_SALVATI,
    JLCA,
    LEG_LENGTH,
    LEG_MEASURES,
    TORSION_MALLEOLI,
    TORSION_PLAFOND,
    TT_TG,
)
from afunet.landmarks.limb import LEG, left_leg
from afunet.landmarks.patella import PATELLA_LENGTH
from afunet.landmarks.results import Definition, Found
from afunet.landmarks.tibia import CUT as TIBIA_CUT
from afunet.landmarks.tibia import MPTA, OTHER_SIDE, SLOPE, TIBIA_LENGTH, measure_tibia
from afunet.reconstruction.surface_points import points_on

Limb = Callable[[int, str], dict[str, Mesh]]
Bones = dict[Bone, Mesh]
COUNT = 60_000
BELOW_KNEE = (Bone.TIBIA, Bone.FIBULA, Bone.PATELLA)


def bones_of(meshes: Mapping[str, Mesh]) -> Bones:
    return {Bone.of(name): mesh for name, mesh in meshes.items() if Bone.of(name) != Bone.PELVIS}


def found_on(bones: Bones, seed: int = 0) -> dict[str, Found]:
    return left_leg({bone: points_on(mesh, COUNT, seed) for bone, mesh in bones.items()}, {})


def values_of(found: Mapping[str, Found]) -> dict[Definition, float]:
    return {name: value for one in found.values() for name, value in one.measures.items()}


def turned(
    bones: Bones, which: tuple[Bone, ...], centre: np.ndarray, vector_deg: np.ndarray
) -> Bones:
    move = np.eye(4)
    move[:3, :3] = Rotation.from_rotvec(vector_deg, degrees=True).as_matrix()
    move[:3, 3] = centre - move[:3, :3] @ centre
    return {bone: mesh.transformed(move) if bone in which else mesh for bone, mesh in bones.items()}


@pytest.fixture(scope="module")
def _measured() -> dict[int, dict[str, Found]]:
    return {}


@pytest.fixture
def straight(limb: Limb, _measured: dict[int, dict[str, Found]]) -> tuple[Bones, dict[str, Found]]:
    """A leg and what was found on it."""
    bones = bones_of(limb(3, "left"))
    if 3 not in _measured:
        _measured[3] = found_on(bones)
    return bones, _measured[3]


def knee_of(found: Mapping[str, Found]) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """The middle of the tibia's plateau, and lateral and posterior of the femur."""
    axes = found[Bone.FEMUR].axes
    knee = found[Bone.TIBIA].axes["mechanical axis"].point_mm
    return knee, axes["lateral"].direction, axes["posterior"].direction


def test_a_leg_has_the_measures_of_a_person(straight: tuple[Bones, dict[str, Found]]) -> None:
    _, found = straight
    values = values_of(found)
    assert set(found[LEG].measures) == set(LEG_MEASURES)
    assert 82 < values[MPTA] < 93
    assert 0 < values[SLOPE] < 15
    assert 135 < values[SULCUS] < 165
    assert 174 < values[HKA] < 186
    assert 15 < values[TORSION_MALLEOLI] < 45
    assert 15 < values[TORSION_PLAFOND] < 45
    assert 5 < values[TT_TG] < 28
    assert 0.7 < values[INSALL_SALVATI] < 1.6
    assert 30 < values[PATELLA_LENGTH] < 55
    assert values[LEG_LENGTH] < values[FEMUR_LENGTH] + values[TIBIA_LENGTH]
    assert values[LEG_LENGTH] > values[FEMUR_LENGTH] + values[TIBIA_LENGTH] - 60


def test_a_shank_turned_outward_in_the_frontal_plane_is_so_much_more_valgus(
    straight: tuple[Bones, dict[str, Found]],
) -> None:
    bones, found = straight
    knee, _, posterior = knee_of(found)
    before = values_of(found)
    # About the posterior axis of a left leg, a right-handed turn moves the foot to the right.
    after = values_of(found_on(turned(bones, BELOW_KNEE, knee, -5 * posterior)))
    sign = np.sign(after[HKA] - before[HKA])
    assert after[HKA] - before[HKA] == pytest.approx(5 * sign, abs=0.2)
    assert after[JLCA] - before[JLCA] == pytest.approx(-5 * sign, abs=0.2)
    assert (after[DEVIATION] - before[DEVIATION]) * sign < -10
    for same in (MPTA, TORSION_MALLEOLI, INSALL_SALVATI, LEG_LENGTH):
        assert after[same] == pytest.approx(before[same], abs=1.2), same.name


def test_valgus_is_more_than_180_and_its_line_is_lateral_of_the_knee(
    straight: tuple[Bones, dict[str, Found]],
) -> None:
    bones, found = straight
    knee, lateral, posterior = knee_of(found)
    ankle = found[Bone.TIBIA].landmarks["Plafond Centre"]
    turn = 10 * posterior
    outward = np.cross(turn, ankle - knee) @ lateral
    values = values_of(found_on(turned(bones, BELOW_KNEE, knee, np.sign(outward) * turn)))
    assert values[HKA] > 185
    assert values[DEVIATION] < -20
    assert values[JLCA] < -2


def test_a_knee_bent_by_60_degrees_shows_no_measure_of_a_straight_leg(
    straight: tuple[Bones, dict[str, Found]],
) -> None:
    bones, found = straight
    knee, lateral, _ = knee_of(found)
    before = values_of(found)
    bent = found_on(turned(bones, BELOW_KNEE, knee, 60 * lateral))
    after = values_of(bent)
    assert abs(after[FLEXION] - before[FLEXION]) == pytest.approx(60, abs=0.5)
    assert set(bent[LEG].missing) == {HKA, JLCA, DEVIATION, LEG_LENGTH, TT_TG}
    assert all("bent by" in reason for reason in bent[LEG].missing.values())
    for same in (TORSION_MALLEOLI, TORSION_PLAFOND, MPTA, PATELLA_LENGTH, TIBIA_LENGTH):
        assert after[same] == pytest.approx(before[same], abs=1.5), same.name


def test_a_twisted_shank_has_so_much_more_torsion(
    straight: tuple[Bones, dict[str, Found]],
) -> None:
    bones, found = straight
    axis = found[Bone.TIBIA].axes["mechanical axis"]
    length = found[Bone.TIBIA].measures[TIBIA_LENGTH]
    before, twisted = values_of(found), dict(bones)
    for bone in (Bone.TIBIA, Bone.FIBULA):
        out = bones[bone].vertices_mm - axis.point_mm
        depth = -(out @ axis.direction) / length
        angle = 15 * np.clip((depth - 0.3) / 0.4, 0, 1)
        turn = Rotation.from_rotvec(angle[:, None] * axis.direction, degrees=True)
        twisted[bone] = Mesh(turn.apply(out) + axis.point_mm, bones[bone].faces)
    after = values_of(found_on(twisted))
    for torsion in (TORSION_MALLEOLI, TORSION_PLAFOND):
        assert after[torsion] - before[torsion] == pytest.approx(15, abs=1), torsion.name
    assert after[MPTA] == pytest.approx(before[MPTA], abs=0.5)


def test_a_turned_and_resampled_leg_keeps_its_measures(
    straight: tuple[Bones, dict[str, Found]],
) -> None:
    bones, found = straight
    before = values_of(found)
    move = turned(bones, tuple(bones), np.zeros(3), np.array([130.0, -40, 75]))
    after = values_of(found_on(move, seed=9))
    assert set(after) == set(before)
    for same in (HKA, JLCA, MPTA, FLEXION):
        assert after[same] == pytest.approx(before[same], abs=0.7), same.name
    for same in (TORSION_MALLEOLI, TORSION_PLAFOND, TT_TG, DEVIATION, LEG_LENGTH, SULCUS):
        assert after[same] == pytest.approx(before[same], abs=2), same.name


def test_a_leg_of_the_size_of_a_child_has_the_same_angles_and_shorter_lengths(
    straight: tuple[Bones, dict[str, Found]],
) -> None:
    bones, found = straight
    small = {bone: mesh.transformed(np.diag([0.6, 0.6, 0.6, 1])) for bone, mesh in bones.items()}
    before, after = values_of(found), values_of(found_on(small))
    assert set(after) == set(before)
    for angle in (HKA, JLCA, MPTA, TORSION_MALLEOLI, TORSION_PLAFOND):
        assert after[angle] == pytest.approx(before[angle], abs=1.5), angle.name
    for length in (LEG_LENGTH, TIBIA_LENGTH, FEMUR_LENGTH, FIBULA_LENGTH, PATELLA_LENGTH):
        assert after[length] == pytest.approx(0.6 * before[length], rel=0.02), length.name


def test_a_leg_without_its_femoral_head_says_so_and_shows_the_shank(limb: Limb) -> None:
    bones = bones_of(limb(3, "left"))
    femur = bones[Bone.FEMUR]
    _, high = femur.bounds_mm()
    vertices = femur.vertices_mm.copy()
    vertices[:, 2] = np.minimum(vertices[:, 2], high[2] - 60)
    found = found_on({**bones, Bone.FEMUR: Mesh(vertices, femur.faces)})
    assert set(found[Bone.FEMUR].missing.values()) == {NO_HEAD}
    assert found[LEG].missing == dict.fromkeys(
        (FLEXION, HKA, JLCA, DEVIATION, LEG_LENGTH, TT_TG), NO_HEAD
    )
    assert TORSION_MALLEOLI in found[LEG].measures


def test_missing_bones_are_named(straight: tuple[Bones, dict[str, Found]]) -> None:
    bones, _ = straight
    found = found_on({Bone.FEMUR: bones[Bone.FEMUR], Bone.PATELLA: bones[Bone.PATELLA]})
    assert found[LEG].missing[HKA] == "the tibia is not there"
    assert found[LEG].missing[TORSION_MALLEOLI] == (
        "the tibia is not there; the fibula is not there"
    )
    assert not found[LEG].measures
    assert not found[Bone.PATELLA].landmarks


@pytest.mark.parametrize("cut_at", [0.12, 0.5])
@pytest.mark.parametrize("keep", ["upper", "lower"])
def test_a_cut_shank_shows_nothing_that_needs_its_other_end(
    limb: Limb, cut_at: float, keep: str
) -> None:
    bones = bones_of(limb(3, "left"))
    low, high = bones[Bone.TIBIA].bounds_mm()
    share = cut_at if keep == "upper" else 1 - cut_at
    level = low[2] + share * (high[2] - low[2])
    limit = np.maximum if keep == "upper" else np.minimum
    cut: Bones = {}
    for bone in (Bone.TIBIA, Bone.FIBULA):
        vertices = bones[bone].vertices_mm.copy()
        vertices[:, 2] = limit(vertices[:, 2], level)
        cut[bone] = Mesh(vertices, bones[bone].faces)
    found = found_on({**bones, **cut})
    assert set(found[Bone.TIBIA].missing.values()) == {TIBIA_CUT}
    assert not found[LEG].measures
    whole = found_on({**bones, Bone.FIBULA: cut[Bone.FIBULA]})
    assert whole[Bone.FIBULA].missing == {FIBULA_LENGTH: FIBULA_CUT}
    assert (TORSION_MALLEOLI in whole[LEG].measures) == (keep == "lower")


def test_a_tibia_of_the_wrong_side_shows_nothing(limb: Limb) -> None:
    right = limb(3, "right")["tibia right"]
    found = measure_tibia(points_on(right, COUNT))
    assert set(found.missing.values()) == {OTHER_SIDE}
    assert not found.landmarks
