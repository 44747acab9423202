from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from tests.refusals import refused

from afunet.errors import Cancelled, ConfigError, GeometryError
from afunet.phantom import (
    Anatomy,
    Cast,
    Fracture,
    Implant,
    ImplantKind,
    LegConfig,
    Scanner,
    Source,
    Surroundings,
    TableKind,
    axial_grid,
    draw_leg,
    grid_of,
    simulate,
    training_slices,
)
from afunet.phantom.picture.simulate import SimulatedLeg
from afunet.watch import CancelToken, Watch

from .conftest import CENTRE_MM, RADIUS_MM

KNEE = LegConfig(
    grid=axial_grid((6, 64, 64), 2.6, 16.0, (98.0, 8.0, -2.0)),
    anatomy=Anatomy(surface_step_mm=1.6),
    scanner=Scanner(thickness_mm=1.0, noise_hu=8.0),
)


@pytest.fixture(scope="module")
def knee() -> SimulatedLeg:
    return simulate(KNEE)


def oblique() -> np.ndarray:
    """Turned 30° about z, then 20° about x; voxels 1 × 1.5 × 2 mm; the sphere in the middle."""
    a, b = np.deg2rad([30, 20])
    turn = np.array([[np.cos(a), -np.sin(a), 0], [np.sin(a), np.cos(a), 0], [0, 0, 1]])
    tilt = np.array([[1, 0, 0], [0, np.cos(b), -np.sin(b)], [0, np.sin(b), np.cos(b)]])
    affine = np.eye(4)
    affine[:3, :3] = tilt @ turn @ np.diag([1.0, 1.5, 2.0])
    affine[:3, 3] = np.array(CENTRE_MM) - affine[:3, :3] @ np.array([25.0, 17.0, 13.0])
    return affine


def test_a_sphere_is_labelled_exactly_on_an_oblique_anisotropic_grid(sphere_folder: Path) -> None:
    anatomy = Anatomy(source=Source.FOLDER, path=sphere_folder)
    leg = simulate(LegConfig(grid=grid_of(oblique(), (27, 35, 51)), anatomy=anatomy))
    mask = leg.bones.mask("ball left")
    volume = mask.voxels.sum() * mask.voxel_volume_mm3
    assert volume == pytest.approx(4 / 3 * np.pi * RADIUS_MM**3, rel=0.01)
    slices, rows, columns = np.nonzero(mask.voxels)
    centres = mask.to_mm(np.stack([columns, rows, slices], axis=-1))
    assert np.allclose(centres.mean(axis=0), CENTRE_MM, atol=0.1)
    assert np.linalg.norm(centres - CENTRE_MM, axis=1).max() < RADIUS_MM + 0.05


def test_the_same_config_gives_the_same_bytes_and_another_seed_others(knee: SimulatedLeg) -> None:
    again, other = simulate(KNEE), simulate(replace(KNEE, seed=1))
    assert again.volume.voxels.tobytes() == knee.volume.voxels.tobytes()
    assert again.bones.volume.voxels.tobytes() == knee.bones.volume.voxels.tobytes()
    assert other.volume.voxels.tobytes() != knee.volume.voxels.tobytes()


def test_a_voxel_is_labelled_where_the_signed_distance_of_its_centre_is_negative(
    knee: SimulatedLeg,
) -> None:
    volume = knee.volume
    index = np.stack(np.meshgrid(*(np.arange(n) for n in volume.shape), indexing="ij"), axis=-1)
    distance = knee.signed_distance_mm(volume.to_mm(index[..., ::-1]))
    differs = (distance < 0) != (knee.bones.volume.voxels != 0)
    # Positions are rounded to single precision on the way: only such hairs may differ.
    assert np.abs(distance[differs]).max(initial=0) < 1e-3
    assert 0.02 < (distance < 0).mean() < 0.3


def test_a_knee_has_its_four_bones_and_hu_as_in_a_patient(knee: SimulatedLeg) -> None:
    assert sorted(knee.bones.names.values()) == [
        "femur left",
        "fibula left",
        "patella left",
        "tibia left",
    ]
    hu, label = knee.volume.voxels, knee.bones.volume.voxels
    assert hu.dtype == np.int16
    assert hu.min() >= -1024
    assert hu.max() <= 3071
    assert np.percentile(hu[:, 0], 50) == pytest.approx(-1000, abs=20)
    assert 100 < hu[label != 0].mean() < 800
    body = hu[(label == 0) & (hu > -200) & (hu < 200)]
    assert -120 < np.percentile(body, 5) < -70
    assert 40 < np.percentile(body, 80) < 110


def test_table_cast_and_loose_metal_are_never_labelled(knee: SimulatedLeg) -> None:
    cluttered = Surroundings(
        TableKind.TRAY, table_hu=600.0, table_gap_mm=4.0, cast=Cast(900.0), sheets=2, objects=3
    )
    leg = simulate(replace(KNEE, surroundings=cluttered))
    assert (leg.volume.voxels > 300).sum() > (knee.volume.voxels > 300).sum() + 100
    assert np.array_equal(leg.bones.volume.voxels, knee.bones.volume.voxels)


def test_metal_changes_the_picture_but_not_the_answer(knee: SimulatedLeg) -> None:
    plate = Implant("femur left", ImplantKind.PLATE, 38.0, hu=6000.0)
    leg = simulate(replace(KNEE, implants=(plate,)))
    metal = leg.volume.voxels > 2000
    assert metal.any()
    assert (leg.bones.volume.voxels[metal] == 0).any()
    assert np.array_equal(leg.bones.volume.voxels, knee.bones.volume.voxels)


def test_fragments_have_their_own_labels_and_make_up_their_bone(knee: SimulatedLeg) -> None:
    fracture = Fracture("tibia left", -20.0, pieces=3, displacement_mm=4.0, seed=2)
    leg = simulate(replace(KNEE, fractures=(fracture,)))
    bones, pieces = leg.bones.volume.voxels, leg.fragments.volume.voxels
    assert np.array_equal(bones != 0, pieces != 0)
    tibia = leg.bones.mask("tibia left").voxels != 0
    names = {leg.fragments.names[label] for label in np.unique(pieces[tibia]).tolist()}
    assert len(names) >= 2
    assert all(name.startswith("tibia left fragment") for name in names)
    femur = leg.bones.mask("femur left").voxels
    assert np.array_equal(femur, knee.bones.mask("femur left").voxels)


def test_bones_do_not_touch(knee: SimulatedLeg) -> None:
    points = np.random.default_rng(0).uniform((50, -60, -60), (150, 50, 60), (40000, 3))
    distances = np.stack(
        [knee.signed_distance_mm(points, name) for name in knee.bones.names.values()]
    )
    inside_one = distances.min(axis=0) < 0
    second = np.sort(distances[:, inside_one], axis=0)[1]
    assert second.min() > 1.0


def test_what_is_not_there_is_refused_in_one_line(knee: SimulatedLeg) -> None:
    with refused(ConfigError, "CONFIG_ERROR", "'ulna'"):
        simulate(replace(KNEE, fractures=(Fracture("ulna", 0.0),)))
    with refused(GeometryError, "UNKNOWN_NAME", "'ulna'"):
        knee.signed_distance_mm(np.zeros((1, 3)), "ulna")
    with refused(ConfigError, "NO_BONE_IN_GRID"):
        simulate(replace(KNEE, grid=axial_grid((2, 8, 8), 1.0, 1.0, (900.0, 0.0, 0.0))))
    with refused(ConfigError, "NOTHING_GIVEN"):
        Anatomy(source=Source.FOLDER)


def test_work_stops_when_asked() -> None:
    token = CancelToken()
    token.cancel()
    with pytest.raises(Cancelled):
        simulate(KNEE, watch=Watch(cancel=token))


def test_training_slices_repeat_and_hold_bone() -> None:
    first = list(training_slices(13, 3, size=64, per_leg=2))
    again = list(training_slices(14, 1, size=64, per_leg=2))
    assert [s.seed for s in first] == [13, 13, 14]
    for one, two in zip(first[2:], again, strict=True):
        assert one.hu.shape == one.mask.shape == (64, 64)
        assert one.hu.tobytes() == two.hu.tobytes()
        assert set(np.unique(one.mask)) == {0, 1}


def test_drawn_legs_differ_and_the_draw_is_a_value() -> None:
    legs = [draw_leg(seed) for seed in range(40)]
    assert legs[7] == draw_leg(7)
    assert len({leg.bone.marrow_hu for leg in legs}) == 40
    assert any(leg.fractures for leg in legs)
    assert any(leg.surroundings.cast for leg in legs)
    sides = {tuple(sorted(leg.anatomy.sides)) for leg in legs}
    assert sides == {("left",), ("right",), ("left", "right")}
