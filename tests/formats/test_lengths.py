"""Voxel sizes that no scanner writes are refused, and those that show no bone."""

import nibabel
import numpy as np
import pytest
from tests.refusals import require

from afunet.errors import GeometryError, InputError
from afunet.formats.lengths import spacing_findings
from afunet.formats.nifti import write_nifti
from afunet.formats.readers import list_series, read_scan
from afunet.geometry import Volume

from .legs import leg

AFFINE = np.diag([1.5, 1.5, 3.0, 1.0])


@pytest.mark.parametrize("length", [0.0, -0.9, 1e-6, 500.0, np.nan, np.inf])
@pytest.mark.parametrize("axis", range(3))
def test_sizes_that_no_voxel_has_are_refused(length, axis):
    spacing_mm = [0.9, 0.9, 2.0]
    spacing_mm[axis] = length
    with pytest.raises(GeometryError) as caught:
        spacing_findings(spacing_mm)
    assert caught.value.code == "BAD_SPACING"


@pytest.mark.parametrize(
    ("spacing_mm", "code"),
    [
        ((0.06, 0.06, 0.06), None),
        ((0.9, 0.9, 6.0), None),
        ((0.9, 5.0, 0.9), None),
        ((3.0, 3.0, 3.0), "COARSE_PIXELS"),
        ((0.9, 0.9, 10.0), "COARSE_SLICES"),
    ],
)
def test_coarse_voxels_are_told(spacing_mm, code):
    assert [finding.code for finding in spacing_findings(spacing_mm)] == ([code] if code else [])


@pytest.mark.parametrize("spacing_mm", [(12.0, 12.0, 10.0), (4.1, 1.0, 5.0), (0.9, 0.9, 21.0)])
def test_voxels_that_show_no_bone_are_refused(spacing_mm):
    with pytest.raises(GeometryError) as caught:
        spacing_findings(spacing_mm)
    assert caught.value.code == "TOO_COARSE"


@pytest.mark.parametrize(
    ("elements", "code"),
    [
        ({"PixelSpacing": [0, 0]}, "BAD_SPACING"),
        ({"PixelSpacing": [-0.9, 0.9]}, "BAD_SPACING"),
        ({"PixelSpacing": ["1e-6", "1e-6"]}, "BAD_SPACING"),
        ({"PixelSpacing": [500, 500]}, "BAD_SPACING"),
        ({"PixelSpacing": [12, 12]}, "TOO_COARSE"),
    ],
)
def test_a_series_is_refused_by_inspect_and_by_the_reader(tmp_path, write_series, elements, code):
    write_series(tmp_path, Volume(leg(), AFFINE), **elements)
    (summary,) = list_series(tmp_path)
    assert not summary.chosen
    assert code in [finding.code for finding in summary.findings]
    with pytest.raises(InputError) as caught:
        read_scan(tmp_path)
    assert caught.value.code == code


@pytest.mark.parametrize(
    ("before", "after", "shown"),
    [
        (b"1.5\\1.5 ", b"1,5\\1,5 ", r"'1,5\1,5'"),
        (b"1.5\\1.5 ", b"nan\\nan ", r"'nan\nan'"),
        (b"1.5\\1.5 ", b"1.5     ", "'1.5'"),
        (b"1.5\\1.5 ", b"Doe^Jane", "2"),
    ],
)
def test_what_is_no_number_is_named_as_far_as_it_names_nobody(
    tmp_path, write_series, refusal, before, after, shown
):
    for path in write_series(tmp_path, Volume(leg(), AFFINE)):
        content = path.read_bytes()
        assert before in content
        path.write_bytes(content.replace(before, after, 1))
    error = refusal(GeometryError, read_scan, tmp_path)
    require(error, "BAD_NUMBERS", shown, "PixelSpacing")


@pytest.mark.parametrize("thickness", [0, -2, 1e-6, 5000])
def test_a_single_slice_needs_a_thickness_that_can_be(tmp_path, write_series, thickness):
    write_series(tmp_path, Volume(leg(1), AFFINE), SliceThickness=thickness)
    with pytest.raises(GeometryError) as caught:
        read_scan(tmp_path)
    assert caught.value.code == "ONE_SLICE"


def test_a_nifti_volume_without_size_is_refused(tmp_path):
    image = nibabel.Nifti1Image(leg().T.astype(np.int16), None)
    image.header.set_sform(np.diag([0.0, 1.5, 3.0, 1.0]), 1)
    path = tmp_path / "ct.nii"
    nibabel.save(image, path)
    with pytest.raises(GeometryError) as caught:
        read_scan(path)
    assert caught.value.code == "NO_PLACEMENT"


def test_a_nifti_volume_too_coarse_for_a_bone_is_refused(tmp_path):
    path = tmp_path / "ct.nii"
    write_nifti(Volume(leg().astype(np.int16), np.diag([12.0, 12.0, 10.0, 1.0])), path)
    with pytest.raises(GeometryError) as caught:
        read_scan(path)
    assert caught.value.code == "TOO_COARSE"
