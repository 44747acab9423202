import os
from functools import cache
from pathlib import Path

import cc3d
import numpy as np
import pytest
from tests.refusals import refused

from afunet.errors import ConfigError
from afunet.phantom import Anatomy, Fracture, FracturePattern, Pose, Source
from afunet.phantom.shapes.distance import Box
from afunet.phantom.skeleton.bones import Bone
from afunet.phantom.skeleton.build import build_bones
from afunet.phantom.skeleton.fracture import break_bone
from afunet.phantom.skeleton.fracture_patterns import PATTERNS

LIMB = Path(os.environ.get("AFUNET_DATA", Path(__file__).parents[3] / "shared" / "data"))
LIMB = LIMB / "shapes-llp26" / "sample00.npz"
P = FracturePattern
STEP_MM = 2.0
KNEE = Box((60.0, -80.0, -70.0), (160.0, 60.0, 110.0))
EVERYTHING = Box((-400.0, -400.0, -500.0), (400.0, 400.0, 700.0))
AT_KNEE = {
    P.RANDOM: ("femur left", 30.0, 2),
    P.PLATEAU_SPLIT: ("tibia left", 0.0, 2),
    P.PLATEAU_SPLIT_DEPRESSION: ("tibia left", 0.0, 3),
    P.PLATEAU_DEPRESSION: ("tibia left", 0.0, 2),
    P.PLATEAU_MEDIAL: ("tibia left", 0.0, 2),
    P.PLATEAU_BICONDYLAR: ("tibia left", 0.0, 3),
    P.PLATEAU_SHAFT: ("tibia left", 0.0, 3),
    P.TRANSVERSE: ("femur left", 90.0, 2),
    P.OBLIQUE: ("femur left", 80.0, 2),
    P.SPIRAL: ("femur left", 80.0, 2),
    P.BUTTERFLY: ("femur left", 85.0, 3),
    P.SUPRACONDYLAR: ("femur left", 0.0, 2),
    P.INTERCONDYLAR: ("femur left", 0.0, 3),
    P.CONDYLE: ("femur left", 0.0, 2),
    P.HOFFA: ("femur left", 0.0, 2),
    P.PATELLA_TRANSVERSE: ("patella left", 0.0, 2),
    P.PATELLA_STELLATE: ("patella left", 0.0, 4),
}
ELSEWHERE = {
    P.PILON: ("tibia left", 0.0, 4),
    P.MEDIAL_MALLEOLUS: ("tibia left", 0.0, 2),
    P.POSTERIOR_MALLEOLUS: ("tibia left", 0.0, 2),
    P.LATERAL_MALLEOLUS: ("fibula left", 0.0, 2),
    P.FEMORAL_NECK: ("femur left", 0.0, 2),
    P.TROCHANTERIC: ("femur left", 0.0, 2),
    P.ANTERIOR_COLUMN: ("pelvis", 0.0, 2),
    P.POSTERIOR_COLUMN: ("pelvis", 0.0, 2),
    P.ACETABULUM_TRANSVERSE: ("pelvis", 0.0, 2),
    P.RAMI: ("pelvis", 0.0, 3),
    P.ILIAC_WING: ("pelvis", 0.0, 2),
    P.SACRAL_ALA: ("pelvis", 0.0, 2),
}


@cache
def knee_bones() -> dict[str, Bone]:
    bones = build_bones(Anatomy(surface_step_mm=STEP_MM), KNEE, 0)
    return {bone.name: bone for bone in bones}


@cache
def limb_bones() -> dict[str, Bone]:
    limb = Anatomy(Source.LIMB_FILE, LIMB, poses=(Pose(),), surface_step_mm=STEP_MM)
    return {bone.name: bone for bone in build_bones(limb, EVERYTHING, 0)}


def labels_of(bone: Bone) -> np.ndarray:
    """The deepest piece at every point of the bone's own grid, from 1; 0 outside."""
    grid = bone.surface
    near = np.nonzero(grid.values < 1)
    places = np.stack(near[::-1], axis=-1) * grid.spacing_mm + grid.origin_mm
    points = places @ bone.pose[:3, :3].T + bone.pose[:3, 3]
    depths = np.stack([piece.distances_mm(points).solid for piece in bone.pieces()])
    labels = np.zeros(grid.values.shape, dtype=np.uint8)
    labels[near] = np.where(depths.min(axis=0) < 0, 1 + depths.argmin(axis=0), 0)
    return labels


def resting(bone: str, pattern: P, height_mm: float, **options: float) -> Fracture:
    """A fracture whose pieces stay where they are, without any gap."""
    return Fracture(
        bone,
        height_mm,
        displacement_mm=0.0,
        tilt_deg=0.0,
        gap_mm=0.0,
        pattern=pattern,
        **options,  # type: ignore[arg-type]
    )


def require_broken(bone: Bone, pattern: P, height_mm: float, pieces: int) -> None:
    for seed in range(3):
        broken = break_bone(bone, resting(bone.name, pattern, height_mm, seed=seed))
        assert len(broken.fragments) >= pieces
        labels = labels_of(broken)
        counts = np.bincount(labels.ravel(), minlength=len(broken.fragments) + 1)[1:]
        assert (counts * STEP_MM**3 > 20).all()
        assert counts[0] == counts.max()


@pytest.mark.parametrize("pattern", AT_KNEE)
def test_a_pattern_at_the_knee_breaks_the_bone_it_names(pattern: P) -> None:
    name, height, pieces = AT_KNEE[pattern]
    require_broken(knee_bones()[name], pattern, height, pieces)


@pytest.mark.skipif(not LIMB.is_file(), reason=f"no LLP26 shapes at {LIMB}: set AFUNET_DATA")
@pytest.mark.parametrize("pattern", ELSEWHERE)
def test_a_pattern_at_hip_or_ankle_breaks_the_bone_it_names(pattern: P) -> None:
    name, height, pieces = ELSEWHERE[pattern]
    require_broken(limb_bones()[name], pattern, height, pieces)


def test_every_pattern_is_tested_and_has_bones() -> None:
    named = [name for _, patterns in PATTERNS for name in patterns]
    assert sorted(named) == sorted(set(P) - {P.HALVES})
    assert {*AT_KNEE, *ELSEWHERE, P.CRACK, P.HALVES} == set(P)


def test_a_bone_that_does_not_break_like_that_is_refused() -> None:
    with refused(ConfigError, "CONFIG_ERROR", "pilon"):
        break_bone(knee_bones()["femur left"], resting("femur left", P.PILON, 0.0))


def test_a_pattern_out_of_view_breaks_nothing() -> None:
    tibia = knee_bones()["tibia left"]
    assert not break_bone(tibia, resting("tibia left", P.PILON, 0.0)).fragments


def test_pieces_at_rest_without_a_gap_touch_and_leave_no_hole() -> None:
    tibia = knee_bones()["tibia left"]
    broken = break_bone(tibia, resting("tibia left", P.PLATEAU_SHAFT, 0.0, pieces=9, seed=4))
    assert len(broken.fragments) >= 7
    labels = labels_of(broken)
    assert ((labels > 0) == (tibia.surface.values < 0)).mean() > 0.9999
    below, above = labels[:-1], labels[1:]
    assert ((below != above) & (below > 0) & (above > 0)).sum() > 100


def test_impaction_drives_pieces_together_and_their_labels_still_touch() -> None:
    tibia = knee_bones()["tibia left"]
    driven = break_bone(
        tibia, resting("tibia left", P.PLATEAU_SHAFT, 0.0, impaction_mm=3.0, seed=1)
    )
    points = np.random.default_rng(0).uniform((60, -40, -70), (140, 60, 0), (60000, 3))
    depths = np.sort([p.distances_mm(points).piece for p in driven.pieces()], axis=0)
    assert (depths[1] < -0.5).sum() > 200
    labels = labels_of(driven)
    below, above = labels[:-1], labels[1:]
    assert ((below != above) & (below > 0) & (above > 0)).sum() > 50


def test_a_line_that_ends_in_the_bone_leaves_one_piece() -> None:
    femur = knee_bones()["femur left"]
    voids = 0
    for seed in range(6):
        cracked = break_bone(femur, resting("femur left", P.CRACK, 30.0, cracks=3, seed=seed))
        assert cracked.piece_names == ("femur left",)
        points = np.random.default_rng(seed).uniform((60, -60, 0), (140, 60, 70), (60000, 3))
        found = cracked.pieces()[0].distances_mm(points)
        voids += int(((found.piece < -1) & (found.solid > 0)).sum())
        parts = np.bincount(cc3d.connected_components(labels_of(cracked)).ravel())[1:]
        assert parts.max() > 0.999 * parts.sum()
    assert voids > 50


def test_comminution_breaks_off_as_many_pieces_as_asked_for_and_chips_besides() -> None:
    femur = knee_bones()["femur left"]
    for seed in range(3):
        many = break_bone(
            femur, resting("femur left", P.INTERCONDYLAR, 0.0, pieces=8, chips=3, seed=seed)
        )
        assert 8 <= len(many.fragments) <= 11
        # The smaller pieces are small: none reaches from one end of the view to the other.
        longest = [np.ptp(piece.home.corners_mm(), axis=0).max() for piece in many.fragments[3:]]
        assert max(longest) < 60
