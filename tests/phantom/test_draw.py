import os
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from afunet.phantom import FracturePattern, LegConfig, Region, axial_grid, draw_leg, simulate

DATA = Path(os.environ.get("AFUNET_DATA", Path(__file__).parents[3] / "shared" / "data"))
LIMB = DATA / "shapes-llp26" / "sample00.npz"


@pytest.fixture(scope="module")
def legs() -> list[LegConfig]:
    """Drawn, not simulated: no file is read for that."""
    return [draw_leg(seed, limb_files=[Path("limb.npz")]) for seed in range(400)]


def is_trunk(leg: LegConfig) -> bool:
    return leg.anatomy.spine


def test_trunks_have_organs_and_a_spine_and_never_a_cast(legs: list[LegConfig]) -> None:
    trunks = [leg for leg in legs if is_trunk(leg)]
    assert 0.2 < len(trunks) / len(legs) < 0.4
    assert all(leg.organs and not leg.surroundings.cast for leg in trunks)
    assert not any(leg.organs for leg in legs if not is_trunk(leg))
    assert any(leg.organs.opacified > 0.5 for leg in trunks if leg.organs)
    assert any(leg.organs.urine_hu > 150 for leg in trunks if leg.organs)


def test_many_a_cast_is_thick_plaster_near_the_skin(legs: list[LegConfig]) -> None:
    casts = [leg.surroundings.cast for leg in legs if leg.surroundings.cast]
    thick = [cast for cast in casts if cast.thickness_mm > 4 and cast.hu > 250]
    near = [cast for cast in thick if cast.gap_mm - cast.thickness_mm / 2 < 6]
    assert 0.15 < len(casts) / len(legs) < 0.35
    assert len(near) > 0.5 * len(casts)
    assert any(cast.gap_mm == cast.thickness_mm / 2 for cast in near)


def test_a_cast_on_one_of_two_legs_names_a_leg_that_is_there(legs: list[LegConfig]) -> None:
    for leg in legs:
        cast = leg.surroundings.cast
        if cast and len(leg.anatomy.sides) == 2:
            assert cast.side in leg.anatomy.sides
        elif cast:
            assert cast.side is None


def test_vessels_show_by_contrast_or_chalk_or_both_or_not(legs: list[LegConfig]) -> None:
    looks = [leg.soft.angiogram for leg in legs]
    bright = [bool(look and look.artery_hu > 99) for look in looks]
    chalky = [bool(look and look.plaque) for look in looks]
    kinds = set(zip(bright, chalky, strict=True))
    assert kinds == {(False, False), (True, False), (False, True), (True, True)}
    assert sum(look is None for look in looks) > 150


def test_bone_with_next_to_nothing_at_its_ends_is_drawn(legs: list[LegConfig]) -> None:
    faint = [leg for leg in legs if leg.bone.end_loss > 0.3 and leg.bone.density < 0.5]
    assert len(faint) > 15
    assert any(leg.clutter for leg in legs)
    assert any(leg.surroundings.zips for leg in legs)


@pytest.mark.parametrize("region", Region)
def test_a_region_can_be_asked_for_and_follows_from_the_seed(region: Region) -> None:
    one, again = (draw_leg(7, region, [Path("limb.npz")]) for _ in range(2))
    assert one == again
    assert one.anatomy.spine == (region in (Region.HIP, Region.TRUNK))


@pytest.mark.skipif(not LIMB.is_file(), reason=f"no LLP26 shapes at {LIMB}: set AFUNET_DATA")
def test_beside_the_spine_above_the_iliac_crest_there_is_no_bone() -> None:
    grid = axial_grid((2, 40, 40), 6.0, 75.0, (0.0, -40.0, 580.0))
    drawn = draw_leg(3, Region.TRUNK, [LIMB], grid=grid)
    anatomy = replace(
        drawn.anatomy,
        scale=1.0,
        surface_step_mm=3.0,
        sides=("left",),
        poses=drawn.anatomy.poses[:1],
    )
    leg = simulate(replace(drawn, anatomy=anatomy))
    low, high = leg.bones.volume.voxels
    names = {leg.bones.names[label] for label in np.unique(high).tolist() if label}
    assert names
    assert all(name.startswith("vertebra") for name in names)
    assert (low[:, 8:15] != 0).any()
    assert not high[:, :12].any()
    assert not high[:, 28:].any()


def test_a_fracture_can_be_asked_for_and_forbidden() -> None:
    regions = [Region.KNEE, Region.SHANK, Region.THIGH]
    drawn = [
        [draw_leg(seed, region, [Path("limb.npz")], broken=broken) for seed in range(12)]
        for region in regions
        for broken in (0.0, 1.0)
    ]
    for whole, fractured in zip(drawn[::2], drawn[1::2], strict=True):
        assert not any(leg.fractures for leg in whole)
        # A scan may end above or below the bone that would break.
        assert sum(bool(leg.fractures) for leg in fractured) >= 8


def test_what_is_broken_lies_in_a_narrow_field() -> None:
    narrow = 0
    for seed in range(300):
        drawn = draw_leg(seed, Region.HIP, [Path("limb.npz")], broken=1.0, size=64, slices=20)
        corner, step = drawn.grid.matrix()[0, [3, 0]]
        middle = corner + step * 63 / 2
        if 64 * step < 250 and drawn.fractures:
            narrow += 1
            seen = {f"femur {'left' if middle > 0 else 'right'}", "pelvis"}
            assert drawn.fractures[0].bone in seen
    assert narrow > 20


def test_every_clinical_pattern_is_drawn_and_the_old_one_is_not() -> None:
    regions = [region for region in Region if region is not Region.TRUNK]
    drawn = [
        fracture
        for seed in range(60)
        for region in regions
        for fracture in draw_leg(seed, region, [Path("limb.npz")], broken=1.0).fractures
    ]
    assert {fracture.pattern for fracture in drawn} == set(FracturePattern) - {
        FracturePattern.HALVES
    }
    assert any(fracture.impaction_mm > 0 for fracture in drawn)
    assert any(fracture.gap_mm == 0 for fracture in drawn)
    assert any(fracture.pieces > 9 for fracture in drawn)
    assert all(30 <= fracture.wound.blood_hu <= 80 for fracture in drawn)
