"""Where DICOM slices lie, and stacks that cannot be trusted."""

import numpy as np
import pytest
from tests.refusals import holds, refused, require

from afunet.errors import GeometryError, InputError
from afunet.formats.readers import read_scan
from afunet.geometry import Volume, mask_on_planes

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
    volume = read_scan(tmp_path).volume
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
    volume = read_scan(tmp_path).volume
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


def codes(scan):
    return [finding.code for finding in scan.findings]


@pytest.fixture
def ramp():
    """Ten slices 2 mm apart whose HU is 100 times the height in mm, and a stripe of 500 HU."""
    heights = 2.0 * np.arange(10)
    voxels = np.zeros((10, 12, 8)) + 100 * heights[:, None, None] - 1000
    voxels[:, 5:7] = 500
    return Volume(voxels.astype(np.int16), np.diag([1.0, 1.0, 2.0, 1.0]))


def test_a_gap_is_filled_between_its_neighbours_and_it_is_said(tmp_path, write_series, ramp):
    write_series(tmp_path, ramp, skip=(4, 5))
    scan = read_scan(tmp_path)
    np.testing.assert_array_equal(scan.volume.voxels, ramp.voxels)
    assert scan.volume.same_grid(ramp)
    (finding,) = scan.findings
    assert finding.code == "GAP"
    assert holds(finding.message, "2", "4 (6.00 mm)", "5 (12.00 mm)")
    assert finding.action
    assert scan.resampled
    assert len(scan.planes) == 8


def test_several_gaps_are_filled(tmp_path, write_series, ramp):
    write_series(tmp_path, ramp, skip=(2, 6))
    scan = read_scan(tmp_path)
    np.testing.assert_array_equal(scan.volume.voxels, ramp.voxels)
    (finding,) = scan.findings
    assert finding.code == "GAP"
    assert holds(finding.message, "2 (2.00 mm)", "3 (6.00 mm)")


def test_a_gap_too_wide_to_bridge_is_refused(tmp_path, write_series, ramp, refusal):
    write_series(tmp_path, ramp, skip=(2, 3, 4, 5))
    named = (4, "2 (2.00 mm)", "3 (12.00 mm)", "2.000 mm", "10 mm")
    require(refusal(GeometryError, read_scan, tmp_path), "GAP_TOO_LARGE", *named)


@pytest.mark.parametrize(
    ("skip", "code"), [((4,), "GAP"), ((2, 3, 4, 5), "GAP_TOO_LARGE"), ((), "")]
)
def test_a_strict_reader_refuses_what_would_be_mended(tmp_path, write_series, ramp, skip, code):
    write_series(tmp_path, ramp, skip=skip)
    if not code:
        assert read_scan(tmp_path, strict=True).findings == ()
        return
    with refused(InputError, code):
        read_scan(tmp_path, strict=True)


def test_uneven_slices_are_interpolated_to_an_even_grid(tmp_path, write_series, ramp):
    z_mm = (0, 2, 4, 6, 8, 10, 11, 12, 13, 14)
    write_series(
        tmp_path,
        Volume((100 * np.array(z_mm)[:, None, None] - 1000 + np.zeros((10, 4, 4))), ramp.affine),
        change=lambda index: {"ImagePositionPatient": [0, 0, z_mm[index]]},
    )
    scan = read_scan(tmp_path)
    assert codes(scan) == ["UNEVEN_SPACING"]
    assert scan.volume.spacing_mm[2] == pytest.approx(1.0)
    np.testing.assert_array_equal(scan.volume.voxels[:, 0, 0], 100 * np.arange(15) - 1000)


def test_positions_rounded_to_a_tenth_are_even(tmp_path, write_series, axial):
    z_mm = (0, 0.6, 1.3, 1.9)  # 0.625 mm apart, rounded
    write_series(
        tmp_path, axial, change=lambda index: {"ImagePositionPatient": [0, 0, z_mm[index]]}
    )
    assert read_scan(tmp_path).volume.spacing_mm[2] == pytest.approx(1.9 / 3)


def test_copies_of_a_slice_are_left_out_and_it_is_said(tmp_path, write_series, axial):
    write_series(tmp_path / "a", axial)
    write_series(tmp_path / "b", axial, skip=(0, 3), change=lambda _: {"SOPInstanceUID": "1.2.9"})
    scan = read_scan(tmp_path)
    np.testing.assert_array_equal(scan.volume.voxels, axial.voxels)
    assert codes(scan) == ["DUPLICATE_SLICES"]
    assert holds(scan.findings[0].message, 2, 6)
    assert not scan.resampled


def test_two_different_slices_at_one_place_are_refused(tmp_path, write_series, axial, refusal):
    z_mm = (0, 2, 2, 4)
    write_series(
        tmp_path, axial, change=lambda index: {"ImagePositionPatient": [0, 0, z_mm[index]]}
    )
    named = ("3 (2.00 mm)", 3, 2)
    require(refusal(GeometryError, read_scan, tmp_path), "SAME_POSITION", *named)


def test_another_orientation_among_the_slices_is_refused(tmp_path, write_series, axial, refusal):
    turned = [np.cos(0.05), np.sin(0.05), 0, -np.sin(0.05), np.cos(0.05), 0]
    write_series(
        tmp_path,
        axial,
        change=lambda index: {"ImageOrientationPatient": turned} if index == 2 else {},
    )
    error = refusal(GeometryError, read_scan, tmp_path)
    require(error, "MIXED_ORIENTATION", 1, 4, 3)


def test_a_smaller_matrix_among_the_slices_is_put_in_its_place(tmp_path, write_series, ramp):
    """Slice 1 shows rows 2 to 9 alone, from its own position on."""
    part = (ramp.voxels[1, 2:10].astype(np.int32) + 1024).astype(np.uint16)
    change = {"Rows": 8, "ImagePositionPatient": [0, 2, 2], "PixelData": part.tobytes()}
    write_series(tmp_path, ramp, change=lambda index: change if index == 1 else {})
    scan = read_scan(tmp_path)
    assert scan.volume.same_grid(ramp)
    np.testing.assert_array_equal(scan.volume.voxels[1, 2:10], ramp.voxels[1, 2:10])
    assert (scan.volume.voxels[1, [0, 1, 10, 11]] == -1024).all()
    np.testing.assert_array_equal(scan.volume.voxels[2:], ramp.voxels[2:])
    assert "MIXED_MATRIX" in codes(scan)
    (finding,) = (finding for finding in scan.findings if finding.code == "MIXED_MATRIX")
    assert holds(finding.message, 9, 10, "8 × 12", "2 (2.00 mm)", "8 × 8")


def test_another_pixel_spacing_among_the_slices_is_resampled(tmp_path, write_series, ramp):
    """Slice 3 has pixels of half the size: the stripe of 2 mm is 4 pixels wide there."""
    fine = np.zeros((23, 15)) + 100 * 6.0 - 1000
    fine[10:14] = 500
    change = {
        "Rows": 23,
        "Columns": 15,
        "PixelSpacing": [0.5, 0.5],
        "PixelData": (fine + 1024).astype(np.uint16).tobytes(),
    }
    write_series(tmp_path, ramp, change=lambda index: change if index == 3 else {})
    scan = read_scan(tmp_path)
    assert scan.volume.same_grid(ramp)
    np.testing.assert_array_equal(scan.volume.voxels, ramp.voxels)
    assert set(codes(scan)) == {"MIXED_MATRIX", "MIXED_PIXEL_SPACING"}


def tilted(tmp_path, write_series, ramp, degrees):
    drift_mm = 2 * np.tan(np.radians(degrees))
    return write_series(
        tmp_path,
        ramp,
        change=lambda index: {"ImagePositionPatient": [0, f"{drift_mm * index:.9g}", 2 * index]},
    )


def test_a_gantry_tilt_is_straightened_and_its_angle_told(tmp_path, write_series, ramp):
    tilted(tmp_path, write_series, ramp, 26.565051177)  # 1 mm to the back a slice
    scan = read_scan(tmp_path)
    (finding,) = scan.findings
    assert finding.code == "GANTRY_TILT"
    assert "26.6°" in finding.message
    assert scan.volume.shape == (10, 21, 8)
    np.testing.assert_allclose(scan.volume.affine, ramp.affine, atol=1e-6)
    for index in range(10):  # the stripe lies where it was scanned
        assert set(np.flatnonzero(scan.volume.voxels[index, :, 0] == 500)) == {
            5 + index,
            6 + index,
        }


def test_a_mask_of_a_straightened_stack_goes_back_to_the_tilted_slices(
    tmp_path, write_series, ramp
):
    tilted(tmp_path, write_series, ramp, 12)
    scan = read_scan(tmp_path)
    mask = scan.volume.with_voxels((scan.volume.voxels == 500).astype(np.uint8))
    assert scan.resampled
    back = np.stack(list(mask_on_planes(mask, scan.planes)))
    assert back.shape == ramp.voxels.shape
    off = (back > 0) != (ramp.voxels == 500)
    assert off[:, :4].sum() == off[:, 8:].sum() == 0  # within a pixel of the stripe at most


def test_a_tilt_beyond_every_gantry_is_refused(tmp_path, write_series, ramp):
    tilted(tmp_path, write_series, ramp, 60)
    with refused(GeometryError, "GANTRY_TILT", 60, 45):
        read_scan(tmp_path)


def test_a_field_that_moves_is_followed(tmp_path, write_series, ramp):
    moved_mm = (0, 0, 0, 0, 3, 3, 3, 3, 3, 3)
    write_series(
        tmp_path,
        ramp,
        change=lambda index: {"ImagePositionPatient": [moved_mm[index], 0, 2 * index]},
    )
    scan = read_scan(tmp_path)
    assert codes(scan) == ["MOVED_FIELD"]
    assert scan.volume.shape == (10, 12, 11)
    assert (scan.volume.voxels[:4, 0, 8:] == -1024).all()
    assert (scan.volume.voxels[4:, 0, :3] == -1024).all()
    np.testing.assert_array_equal(scan.volume.voxels[5, :, 3:], ramp.voxels[5])


@pytest.mark.parametrize(
    ("missing", "code"),
    [
        ("ImagePositionPatient", "NO_POSITION"),
        ("ImageOrientationPatient", "NO_ORIENTATION"),
        ("PixelSpacing", "NO_PIXEL_SPACING"),
    ],
)
def test_slices_that_cannot_be_placed_are_refused(
    tmp_path, write_series, axial, refusal, missing, code
):
    write_series(tmp_path, axial, **{missing: None})
    require(refusal(GeometryError, read_scan, tmp_path), code, 4, 4, missing)


def test_directions_that_are_not_perpendicular_are_refused(tmp_path, write_series, axial, refusal):
    write_series(tmp_path, axial, ImageOrientationPatient=[1, 0, 0, 0.6, 0.8, 0])
    assert refusal(GeometryError, read_scan, tmp_path).code == "BAD_COSINES"


def test_a_single_slice_is_as_thick_as_its_header_says(tmp_path, write_series, axial):
    write_series(tmp_path, axial, skip=(1, 2, 3), SliceThickness=1.25)
    scan = read_scan(tmp_path)
    np.testing.assert_allclose(scan.volume.spacing_mm, (0.5, 0.5, 1.25))
    (finding,) = (finding for finding in scan.findings if finding.code == "ONE_SLICE")
    assert "1.25 mm" in finding.message


def test_a_single_slice_without_a_thickness_is_refused(tmp_path, write_series, axial, refusal):
    write_series(tmp_path, axial, skip=(0, 1, 2), SliceThickness=None)
    assert refusal(GeometryError, read_scan, tmp_path).code == "ONE_SLICE"


def test_a_missing_slice_thickness_is_fine_where_there_are_several(tmp_path, write_series, axial):
    write_series(tmp_path, axial, SliceThickness=None, FrameOfReferenceUID=None, ImageType=None)
    assert read_scan(tmp_path).volume.spacing_mm[2] == pytest.approx(2.0)
