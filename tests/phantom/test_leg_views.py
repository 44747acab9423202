"""Simulated legs as points: many views of each, labelled as `simulate` labels its voxels."""

import os
from pathlib import Path

import numpy as np
import pytest

from afunet.phantom import LegConfig, draw_leg, exact_labels
from afunet.phantom.config import Source
from afunet.phantom.drawing.legs import draw_scans
from afunet.phantom.views.leg_views import draw_views
from afunet.phantom.views.points import CLASSES, LEFT, LEG, RIGHT, STEP_MM

DATA = Path(os.environ.get("AFUNET_DATA", Path(__file__).parents[3] / "shared" / "data"))
LIMB = DATA / "shapes-llp26" / "sample00.npz"


def test_scans_of_a_leg_are_of_one_leg_in_other_fields_of_view() -> None:
    for seed in range(12):
        scans = draw_scans(seed, 8, [Path("limb.npz")], broken=1.0)
        assert scans[0] == draw_leg(seed, None, [Path("limb.npz")], broken=1.0)
        assert len({scan.grid for scan in scans}) == 8
        assert all(scan.anatomy == scans[0].anatomy for scan in scans)
        sides = scans[0].anatomy.sides
        for fracture in (fracture for scan in scans for fracture in scan.fractures):
            assert fracture.bone == "pelvis" or fracture.bone.split()[1] in sides


def test_a_parametric_leg_is_scanned_at_its_knee_and_a_trunk_above_it() -> None:
    knee = draw_scans(0, 6)
    assert all(scan.anatomy.source is Source.PARAMETRIC for scan in knee)
    assert all(abs(_middle(scan)) < 120 for scan in knee)
    trunks = [seed for seed in range(40) if draw_leg(seed, None, [Path("x.npz")]).anatomy.spine]
    heights = [_middle(scan) for scan in draw_scans(trunks[0], 12, [Path("x.npz")])]
    assert min(heights) > 300
    assert max(heights) > 520


def _middle(scan: LegConfig) -> float:
    grid = scan.grid
    return float(grid.matrix()[2, 3] + grid.matrix()[2, 2] * (grid.shape[0] - 1) / 2)


def test_views_lie_in_their_fields_hold_the_knees_bones_and_come_back_the_same() -> None:
    views, again = (list(draw_views(5, 4)) for _ in range(2))
    assert len(views) > 2
    for view, other in zip(views, again, strict=True):
        assert np.array_equal(view.points.mm, other.points.mm)
        assert (view.points.mm >= np.float32(view.field.low_mm) - 1e-3).all()
        assert (view.points.mm <= np.float32(view.field.high_mm) + 1e-3).all()
        assert (view.points.depth_mm > 0).all()
    kinds = {CLASSES[kind] for view in views for kind in np.unique(view.points.bone)}
    assert kinds == set(LEG)


def test_a_view_has_the_bone_that_the_exact_labels_have() -> None:
    points = next(draw_views(0, 1)).points  # whole, and not tilted
    bones, _ = exact_labels(draw_leg(0, size=64, slices=40))
    assert len(bones.names) == 4
    for label, name in bones.names.items():
        kind, side = name.split()
        ours = (points.bone == CLASSES.index(kind)) & (points.side == _side(side))
        mm3 = (bones.volume.voxels == label).sum() * bones.volume.voxel_volume_mm3
        assert ours.sum() * STEP_MM**3 == pytest.approx(mm3, rel=0.05)


def _side(name: str) -> int:
    return LEFT if name == "left" else RIGHT


def test_a_pelvis_has_both_sides_and_vertebrae_are_other_bones() -> None:
    if not LIMB.exists():
        pytest.skip(f"no LLP26 limb at {LIMB}: set AFUNET_DATA")
    seed = next(
        seed for seed in range(99) if draw_leg(seed, None, [LIMB]).anatomy.spine and seed > 2
    )
    seen = set()
    for view in draw_views(seed, 5, [LIMB]):
        points = view.points
        seen |= {CLASSES[kind] for kind in np.unique(points.bone)}
        for kind in ("pelvis", "femur"):
            of_kind = points.bone == CLASSES.index(kind)
            left, right = (points.mm[of_kind & (points.side == k), 0] for k in (LEFT, RIGHT))
            if len(left) > 200 and len(right) > 200:
                assert left.mean() > right.mean() + 50
    assert {"pelvis", "other"} <= seen
    assert seen <= {"pelvis", "femur", "other"}
