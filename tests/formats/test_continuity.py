"""Slices that do not go on where their neighbours leave off are told; what bodies do is not."""

import numpy as np
import pytest

from afunet.formats.continuity import continuity_findings
from afunet.formats.readers import read_scan
from afunet.geometry import Volume

from .legs import AIR, CLEAN, leg

PLACES = {"one": (4,), "the first": (0,), "every third": (0, 3, 6), "every other": (1, 3, 5, 7)}
PLACES["half"] = (0, 1, 2, 3)
MOVED = {
    "upside down": lambda hu: hu[::-1],
    "mirrored": lambda hu: hu[:, ::-1],
    "turned round": lambda hu: hu[::-1, ::-1],
    "shifted by 12 mm": lambda hu: np.roll(hu, 8, axis=1),
    "shifted along both axes": lambda hu: np.roll(hu, (5, -7), (0, 1)),
}


def codes(voxels):
    return [finding.code for finding in continuity_findings(voxels)]


@pytest.mark.parametrize("where", PLACES)
@pytest.mark.parametrize("how", MOVED)
def test_a_slice_turned_or_shifted_between_others_is_told(how, where):
    voxels = leg()
    for index in PLACES[where]:
        voxels[index] = MOVED[how](voxels[index])
    assert codes(voxels) == ["SLICES_JUMP"]


def test_a_slice_of_something_else_is_told():
    voxels = leg()
    voxels[4] = np.random.default_rng(0).normal(0, 500, voxels[4].shape)
    assert codes(voxels) == ["SLICES_JUMP"]


@pytest.mark.parametrize("value", [-1024, 0])
@pytest.mark.parametrize("where", PLACES)
def test_a_slice_of_one_value_where_a_body_should_be_is_told(where, value):
    voxels = leg()
    voxels[list(PLACES[where])] = value
    assert codes(voxels) == ["EMPTY_SLICE"]


def test_empty_slices_beyond_a_limb_that_tapers_off_are_none():
    voxels = leg()
    toe = np.hypot(*(np.indices(voxels.shape[1:]) - 48)) < 6
    voxels[2] = np.where(toe, voxels[2], AIR)
    voxels[:2] = AIR
    assert codes(voxels) == []


def test_empty_slices_beyond_a_box_without_noise_are_none():
    voxels = np.full((6, 64, 64), AIR)
    voxels[1:5, 16:48, 16:48] = 50
    assert codes(voxels) == []


def bone_cut_out(around=0):
    """A bone in the middle six of eight slices, and one value for all that is not bone."""
    rng = np.random.default_rng(5)
    voxels = np.full((8, 64, 64), around)
    voxels[1:7, 8:40, 16:48] = np.rint(rng.normal(400, 50, (6, 32, 32)))
    return voxels


@pytest.mark.parametrize("around", [0, 50, -1024])
def test_empty_slices_beyond_a_bone_that_was_cut_out_are_none(around):
    voxels = bone_cut_out(around)
    assert codes(voxels) == []
    voxels[3] = around
    assert codes(voxels) == ["EMPTY_SLICE"]


@pytest.mark.parametrize("name", sorted(CLEAN))
def test_what_scanners_write_goes_on(name):
    assert codes(CLEAN[name]) == []


@pytest.mark.parametrize("growth", [1.0, 1.15, 0.8])
@pytest.mark.parametrize("drift", [0, 1, 3])
def test_limbs_that_grow_taper_and_lean_go_on(growth, drift):
    rows, columns = np.indices((96, 96)) - 47.5
    voxels = np.full((12, 96, 96), AIR)
    for index, hu in enumerate(voxels):
        away = np.hypot(rows, columns - drift * (index - 6))
        hu[away < 18 * growth ** (index - 6)] = 50
        hu[away < 6 * growth ** (index - 6)] = 1200
    assert codes(voxels) == []


def test_a_reader_tells_it(tmp_path, write_series):
    hu = leg()
    hu[4] = hu[4][::-1]
    write_series(tmp_path, Volume(hu, np.diag([1.5, 1.5, 3.0, 1.0])))
    assert "SLICES_JUMP" in [finding.code for finding in read_scan(tmp_path).findings]
