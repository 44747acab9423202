"""Names of pieces: by votes of their voxels, parted where they are two bones."""

import numpy as np
import pytest

from afunet.anatomy.bone_network import BoneNamerConfig
from afunet.anatomy.bones import NAMED, Bone, Side
from afunet.anatomy.names import UNKNOWN
from afunet.anatomy.naming import NamingRules, Networks, name_pieces
from afunet.anatomy.parting import PartingRules
from afunet.geometry import Volume
from afunet.phantom import Anatomy, LegConfig, Pose, axial_grid, exact_labels
from afunet.reconstruction.instances import split_instances


class ByPlace:
    """Femur in the upper half of what there is, tibia below; left where x is above the middle."""

    def __init__(self, sureness: float = 8.0, classes: tuple[str, ...] = ("femur", "tibia")):
        self.config = BoneNamerConfig(classes, cells=(15,), seen_from=0)
        self.sureness = sureness

    def __call__(self, x: np.ndarray) -> np.ndarray:
        boxes = x.reshape(len(x), 5, 5, 5) ** 2  # how much bone there is about a place
        upper = (boxes[:, :2].sum((1, 2, 3)) > boxes[:, 3:].sum((1, 2, 3))) * 2.0 - 1
        left = (boxes[..., :2].sum((1, 2, 3)) > boxes[..., 3:].sum((1, 2, 3))) * 2.0 - 1
        return self.sureness * np.stack([upper, -upper, left], axis=1)


def by(network: ByPlace) -> Networks:
    """It alone; its votes are its sureness."""
    return Networks(network)  # type: ignore[arg-type]


def volume(*blocks: tuple[slice, slice, slice]) -> Volume:
    """Voxels of 2 mm, a label a block, the head at high z and the left at high x."""
    voxels = np.zeros((60, 20, 60), np.uint8)
    for label, block in enumerate(blocks, start=1):
        voxels[block] = label
    return Volume(voxels, np.diag([2.0, 2.0, 2.0, 1.0]))


UPPER_RIGHT = (slice(36, 58), slice(4, 16), slice(2, 22))
LOWER_LEFT = (slice(2, 24), slice(4, 16), slice(38, 56))
THROUGH = (slice(2, 58), slice(6, 14), slice(2, 22))
BESIDE = (slice(2, 12), slice(6, 14), slice(38, 58))


def test_a_piece_is_what_most_of_its_voxels_are() -> None:
    named = name_pieces(volume(UPPER_RIGHT, LOWER_LEFT), by(ByPlace()))
    assert [str(name) for name in named.names] == ["right femur", "left tibia"]
    assert all(name.sureness > 0.99 for name in named.names)


def test_names_follow_the_patient_and_not_the_order_of_voxels() -> None:
    labels = volume(UPPER_RIGHT, LOWER_LEFT)
    turned = labels.affine @ np.array(
        [[-1, 0, 0, 59], [0, 1, 0, 0], [0, 0, -1, 59], [0, 0, 0, 1.0]]
    )
    flipped = Volume(labels.voxels[::-1, :, ::-1].copy(), turned)
    names = name_pieces(flipped, by(ByPlace())).names
    assert [str(name) for name in names] == ["right femur", "left tibia"]


def waist(labels: Volume, between: slice) -> Volume:
    """The map with half of its depth left at some heights."""
    labels.voxels[between, :8] = labels.voxels[between, 12:] = 0
    return labels


def test_a_piece_that_is_two_bones_is_parted_where_they_meet() -> None:
    labels = waist(volume(THROUGH, BESIDE), slice(28, 32))
    named = name_pieces(labels, by(ByPlace()))
    assert sorted(map(str, named.names)) == ["left tibia", "right femur", "right tibia"]
    found = named.labels.voxels
    assert np.array_equal(found != 0, labels.voxels != 0)
    upper, lower = (int(found[index, 10, 10]) for index in (50, 8))
    assert {upper, lower} == {1, 2}
    assert (found[36:58, 6:14, 2:22] == upper).all()
    assert (found[2:24, 6:14, 2:22] == lower).all()
    assert np.bincount(found.ravel())[1:].tolist() == sorted(
        np.bincount(found.ravel())[1:].tolist(), reverse=True
    )


def test_two_bones_of_a_kind_that_a_third_joins_are_two() -> None:
    labels = volume()
    for legs in (slice(4, 20), slice(40, 56)):  # right and left, below a bar
        labels.voxels[2:44, 6:14, legs] = 1
    labels.voxels[44:58, 6:14, 4:56] = 1
    waist(labels, slice(33, 36))
    network = ByPlace(classes=("pelvis", "femur"))
    named = name_pieces(labels, by(network))
    assert sorted(map(str, named.names)) == ["left femur", "pelvis", "right femur"]
    found = named.labels.voxels
    assert np.array_equal(found != 0, labels.voxels != 0)
    assert found[8, 10, 10] != found[8, 10, 50]


def test_a_piece_that_is_hardly_two_bones_stays_whole() -> None:
    rules = NamingRules(parting=PartingRules(least_mm3=1e6))
    labels = waist(volume(THROUGH, BESIDE), slice(28, 32))
    assert name_pieces(labels, by(ByPlace()), rules).labels is labels


@pytest.mark.parametrize("classes", [("femur", "tibia"), ("tibia", "foot"), ("femur", "other")])
def test_a_bone_that_nowhere_thins_is_not_cut_whatever_the_votes(classes: tuple[str, str]) -> None:
    labels = volume(THROUGH, BESIDE)
    assert name_pieces(labels, by(ByPlace(classes=classes))).labels is labels


def test_a_shaft_that_flares_to_one_side_is_not_cut() -> None:
    labels = volume(THROUGH, BESIDE)
    labels.voxels[30:58, 2:18, 2:28] = 1
    assert int(name_pieces(labels, by(ByPlace())).labels.voxels.max()) == 2


def test_parts_that_nobody_is_sure_of_are_one_again() -> None:
    labels = waist(volume(THROUGH, BESIDE), slice(28, 32))
    rules = NamingRules(least_bone=0.9999, parting=PartingRules(sure=0.9))
    named = name_pieces(labels, by(ByPlace(2.0)), rules)
    assert np.array_equal(named.labels.voxels, labels.voxels)


def test_what_nobody_is_sure_of_has_no_name_or_no_side() -> None:
    labels, rules = volume(UPPER_RIGHT, LOWER_LEFT), NamingRules(least_bone=0.6)
    assert name_pieces(labels, by(ByPlace(0.0)), rules).names == (UNKNOWN, UNKNOWN)
    first, second = name_pieces(labels, by(ByPlace(0.3)), rules).names
    assert (first.bone, first.side) == (Bone.FEMUR, None)
    assert (second.bone, second.side) == (Bone.TIBIA, None)


def test_what_is_no_bone_of_the_limb_is_unknown() -> None:
    network = ByPlace(classes=("other", "tibia"))
    named = name_pieces(volume(UPPER_RIGHT, LOWER_LEFT), by(network))
    assert [str(name) for name in named.names] == ["unknown", "left tibia"]


@pytest.mark.parametrize("bone", NAMED)
def test_every_bone_of_the_table_is_named_with_its_side(bone: Bone) -> None:
    names = name_pieces(volume(UPPER_RIGHT, LOWER_LEFT), by(ByPlace(classes=(bone, bone)))).names
    sides = list(Side)[::-1] if bone.row.sided else [None, None]
    assert [(name.bone, name.side) for name in names] == [(bone, side) for side in sides]


class AlwaysLeft(ByPlace):
    """Says left of whatever it sees."""

    def __call__(self, x: np.ndarray) -> np.ndarray:
        told = super().__call__(x)
        return np.hstack([told[:, :-1], np.full((len(x), 1), self.sureness)])


def test_a_side_that_the_mirror_image_has_too_is_none() -> None:
    names = name_pieces(volume(UPPER_RIGHT, LOWER_LEFT), by(AlwaysLeft())).names
    assert [str(name) for name in names] == ["femur", "tibia"]


class SureOfUpperSides(ByPlace):
    """Tells the side of what lies in the upper half, and nothing of the lower one's."""

    def __call__(self, x: np.ndarray) -> np.ndarray:
        told = super().__call__(x)
        return np.hstack([told[:, :-1], told[:, -1:] * (told[:, :1] > 0)])


@pytest.mark.parametrize(("gap", "expected"), [(2, "right tibia"), (20, "tibia")])
def test_pieces_near_each_other_are_of_one_side(gap: int, expected: str) -> None:
    below = (slice(2, 36 - gap), slice(4, 16), slice(2, 22))
    labels, rules = (
        volume(UPPER_RIGHT, below, LOWER_LEFT),
        NamingRules(parting=PartingRules(least_mm3=2e4)),
    )
    names = name_pieces(labels, by(SureOfUpperSides()), rules).names
    assert [str(name) for name in names] == ["right femur", expected, "tibia"]


def test_of_little_bone_nothing_is_told() -> None:
    labels, rules = volume(UPPER_RIGHT, LOWER_LEFT), NamingRules(least_seen_mm3=1e6)
    assert name_pieces(labels, by(ByPlace()), rules).names == (UNKNOWN, UNKNOWN)


def test_an_empty_map_has_no_names() -> None:
    assert name_pieces(volume(), by(ByPlace())).names == ()


@pytest.fixture(scope="module")
def knees() -> Volume:
    """Both knees, simulated, whole."""
    pose = Pose()
    config = LegConfig(
        seed=5,
        grid=axial_grid((60, 130, 230), 1.6, 2.5, (0.0, 10.0, 0.0)),
        anatomy=Anatomy(sides=("left", "right"), poses=(pose, pose), surface_step_mm=2.0),
    )
    bones, _ = exact_labels(config)
    return bones.foreground()


def test_the_bones_of_two_knees_have_their_names(knees: Volume) -> None:
    named = name_pieces(split_instances(knees))
    centres = {
        str(name): knees.to_mm(np.argwhere(named.labels.voxels == label).mean(axis=0)[::-1])
        for label, name in enumerate(named.names, start=1)
    }
    bones = (Bone.FEMUR, Bone.TIBIA, Bone.PATELLA, Bone.FIBULA)
    assert set(centres) == {f"{side} {bone}" for bone in bones for side in Side}
    for bone in bones:
        assert centres[f"left {bone}"][0] > 20
        assert centres[f"right {bone}"][0] < -20
    for side in Side:
        assert centres[f"{side} femur"][2] > centres[f"{side} tibia"][2]


def test_where_sides_are_not_known_no_bone_has_one(knees: Volume) -> None:
    named = name_pieces(split_instances(knees), sides_known=False)
    assert {str(name) for name in named.names} == {"femur", "tibia", "patella", "fibula"}


@pytest.mark.parametrize("side", ["left", "right"])
def test_a_shank_turned_far_outwards_has_its_side(side: str) -> None:
    config = LegConfig(
        seed=5,
        grid=axial_grid((30, 90, 90), 1.6, 3.0, (0.0, 10.0, -110.0)),
        anatomy=Anatomy(sides=(side,), poses=(Pose(outward_deg=50.0),), knees_apart_mm=0.0),
    )
    bones, _ = exact_labels(config)
    names = name_pieces(split_instances(bones.foreground())).names
    assert sorted(map(str, names)) == [f"{side} fibula", f"{side} tibia"]
