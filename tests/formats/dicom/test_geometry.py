"""Where DICOM slices lie, and stacks that cannot be trusted."""

import re

import numpy as np
import pytest

from afunet.errors import GeometryError
from afunet.formats.readers import read_scan, read_volume
from afunet.geometry import Volume

# Row and column directions as columns of a matrix with their cross product, in LPS.
X, Y, Z = np.eye(3)
PLANES = {
    "axial": (X, Y, Z),
    "axial, seen from above": (-X, Y, -Z),
    "axial, turned by half": (-X, -Y, Z),
    "axial, upside down": (X, -Y, -Z),
    "sagittal": (Y, -Z, -X),
    "coronal": (X, -Z, Y),
}


@pytest.mark.parametrize("plane", PLANES)
def test_every_plane_lies_where_its_cosines_say(tmp_path, write_series, axial, plane):
    row, column, normal = PLANES[plane]
    affine = np.eye(4)
    affine[:3, :3] = np.column_stack([row * 0.5, column * 0.75, normal * 2])
    affine[:3, 3] = (7, -8, 9)
    write_series(tmp_path, Volume(axial.voxels, affine))
    volume = read_volume(tmp_path)
    np.testing.assert_allclose(volume.affine, affine, atol=1e-9)
    np.testing.assert_array_equal(volume.voxels, axial.voxels)


def test_one_voxel_of_a_coronal_stack_worked_by_hand(tmp_path, write_slice):
    # Columns run to the left (x), rows to the feet (-z), so the normal runs to the back (y).
    for index, y_mm in enumerate((0.0, 4.0)):
        hu = np.full((3, 2), -1000)
        hu[2, 1] = 100 * (index + 1)
        write_slice(
            tmp_path / f"{index}",
            hu,
            np.eye(4),
            0,
            ImagePositionPatient=[10, y_mm, 50],
            ImageOrientationPatient=[1, 0, 0, 0, 0, -1],
            PixelSpacing=[3, 0.5],
        )
    volume = read_volume(tmp_path)
    assert volume.voxels[1, 2, 1] == 200
    np.testing.assert_allclose(volume.to_mm([1, 2, 1]), (10.5, 4.0, 50 - 6.0))
    np.testing.assert_allclose(volume.spacing_mm, (0.5, 3.0, 4.0))


def test_slices_written_from_top_to_bottom_are_turned_and_it_is_said(tmp_path, write_series, axial):
    write_series(tmp_path, axial, change=lambda index: {"InstanceNumber": 9 - index})
    scan = read_scan(tmp_path)
    np.testing.assert_array_equal(scan.volume.voxels, axial.voxels)
    assert [finding.code for finding in scan.findings] == ["REVERSED_ORDER"]


def test_numbers_in_no_order_are_a_warning(tmp_path, write_series, axial):
    write_series(tmp_path, axial, change=lambda index: {"InstanceNumber": (3, 1, 4, 2)[index]})
    scan = read_scan(tmp_path)
    np.testing.assert_array_equal(scan.volume.voxels, axial.voxels)
    assert [finding.code for finding in scan.findings] == ["MIXED_ORDER"]


def test_a_gap_among_too_few_slices_to_tell_is_uneven(tmp_path, write_series, axial, refused):
    write_series(tmp_path, axial, skip=(2,))
    message = refused(GeometryError, read_scan, tmp_path)
    # Steps of 2 and 4 mm: which of them is the usual one cannot be known.
    assert message.startswith("the slices are not evenly spaced: 2.000 mm between slice 1")


def test_missing_slices_are_counted_and_named_by_their_neighbours(tmp_path, write_series, refused):
    volume = Volume(np.arange(10 * 6 * 5).reshape(10, 6, 5) - 500, np.diag([1, 1, 2, 1]))
    write_series(tmp_path, volume, skip=(4, 5))
    assert refused(GeometryError, read_scan, tmp_path) == (
        "slices are missing: 2 between slice 4 (6.00 mm) and slice 5 (12.00 mm), "
        "expected one every 2.000 mm; copy the whole series"
    )


def test_uneven_steps_are_refused(tmp_path, write_series, axial, refused):
    z_mm = (0, 2, 4, 7)
    write_series(
        tmp_path, axial, change=lambda index: {"ImagePositionPatient": [0, 0, z_mm[index]]}
    )
    message = refused(GeometryError, read_scan, tmp_path)
    assert message.startswith(
        "the slices are not evenly spaced: 3.000 mm between slice 3 (4.00 mm) and slice 4 (7.00 mm)"
    )


def test_positions_rounded_to_a_tenth_are_even(tmp_path, write_series, axial):
    z_mm = (0, 0.6, 1.3, 1.9)  # 0.625 mm apart, rounded
    write_series(
        tmp_path, axial, change=lambda index: {"ImagePositionPatient": [0, 0, z_mm[index]]}
    )
    assert read_volume(tmp_path).spacing_mm[2] == pytest.approx(1.9 / 3)


def test_two_slices_at_one_place_are_refused(tmp_path, write_series, axial, refused):
    z_mm = (0, 2, 2, 4)
    write_series(
        tmp_path, axial, change=lambda index: {"ImagePositionPatient": [0, 0, z_mm[index]]}
    )
    message = refused(GeometryError, read_scan, tmp_path)
    assert message.startswith("1 of 4 slices double another one's position")
    assert "slice 2 (2.00 mm) (instance number 3 and instance number 2)" in message


def test_another_orientation_among_the_slices_is_refused(tmp_path, write_series, axial, refused):
    turned = [np.cos(0.05), np.sin(0.05), 0, -np.sin(0.05), np.cos(0.05), 0]
    write_series(
        tmp_path,
        axial,
        change=lambda index: {"ImageOrientationPatient": turned} if index == 2 else {},
    )
    message = refused(GeometryError, read_scan, tmp_path)
    assert "mixes orientations: 1 of 4" in message
    assert "instance number 3" in message


def test_another_size_among_the_slices_is_refused(tmp_path, write_series, axial, refused):
    write_series(
        tmp_path,
        axial,
        change=lambda index: (
            {"Rows": 3, "PixelData": np.zeros((3, 5), np.uint16).tobytes()} if index == 1 else {}
        ),
    )
    assert refused(GeometryError, read_scan, tmp_path) == (
        "the series mixes image sizes: 3 of 4 slices have 5 × 6, slice 2 (142.00 mm) has 5 × 3"
    )


def test_another_pixel_spacing_among_the_slices_is_refused(tmp_path, write_series, axial, refused):
    write_series(
        tmp_path, axial, change=lambda index: {"PixelSpacing": [0.6, 0.5]} if index == 3 else {}
    )
    message = refused(GeometryError, read_scan, tmp_path)
    assert "mixes pixel spacings" in message
    assert "slice 4 (146.00 mm) has 0.6 mm × 0.5 mm" in message


def test_a_gantry_tilt_is_refused_with_its_angle(tmp_path, write_series, axial, refused):
    drift = 2 * np.tan(np.radians(15))
    write_series(
        tmp_path,
        axial,
        change=lambda index: {"ImagePositionPatient": [0, f"{drift * index:.9g}", 2 * index]},
    )
    message = refused(GeometryError, read_scan, tmp_path)
    assert re.search(r"drifts 1\.61 mm sideways by slice 4 of 4 \(a gantry tilt of 15\.0°", message)


@pytest.mark.parametrize(
    "missing", ["ImagePositionPatient", "ImageOrientationPatient", "PixelSpacing"]
)
def test_slices_that_cannot_be_placed_are_refused(tmp_path, write_series, axial, refused, missing):
    write_series(tmp_path, axial, **{missing: None})
    message = refused(GeometryError, read_scan, tmp_path)
    assert message.startswith("4 of 4 slices have no")
    assert missing in message


def test_directions_that_are_not_perpendicular_are_refused(tmp_path, write_series, axial, refused):
    write_series(tmp_path, axial, ImageOrientationPatient=[1, 0, 0, 0.6, 0.8, 0])
    assert "not perpendicular" in refused(GeometryError, read_scan, tmp_path)


def test_a_single_slice_is_as_thick_as_its_header_says(tmp_path, write_series, axial):
    write_series(tmp_path, axial, skip=(0, 1, 2), SliceThickness=1.25)
    scan = read_scan(tmp_path)
    np.testing.assert_allclose(scan.volume.spacing_mm, (0.5, 0.5, 1.25))
    (finding,) = (finding for finding in scan.findings if finding.code == "ONE_SLICE")
    assert finding.message == "the series is a single slice, taken as 1.25 mm thick"


def test_a_single_slice_without_a_thickness_is_refused(tmp_path, write_series, axial, refused):
    write_series(tmp_path, axial, skip=(0, 1, 2), SliceThickness=None)
    assert "at least 2 slices" in refused(GeometryError, read_scan, tmp_path)


def test_a_missing_slice_thickness_is_fine_where_there_are_several(tmp_path, write_series, axial):
    write_series(tmp_path, axial, SliceThickness=None, FrameOfReferenceUID=None, ImageType=None)
    assert read_volume(tmp_path).spacing_mm[2] == pytest.approx(2.0)
