"""PNG slices of the bone window."""

import numpy as np
import pytest
from PIL import Image
from tests.refusals import require

from afunet.errors import ConfigError, GeometryError, InputError
from afunet.formats.readers import read_labels, read_scan


def save(folder, *greys, names=None):
    folder.mkdir(parents=True, exist_ok=True)
    for index, grey in enumerate(greys):
        name = names[index] if names else f"{index}.png"
        Image.fromarray(np.asarray(grey, dtype=np.uint8)).save(folder / name)
    return folder


def test_grey_is_stretched_over_the_bone_window(tmp_path):
    voxels = read_scan(save(tmp_path, [[0, 51], [102, 255]], [[0, 0], [0, 1]])).volume.voxels
    assert voxels.dtype == np.float32
    np.testing.assert_allclose(voxels[0], [[-300, 20], [340, 1300]], atol=1e-3)


def test_slices_are_sorted_as_people_count(tmp_path):
    greys = [[[0, 9]], [[255, 2]], [[0, 10]]]
    volume = read_scan(save(tmp_path, *greys, names=["s9.png", "s2.png", "S10.PNG"])).volume
    np.testing.assert_allclose(volume.voxels[:, 0, 0], [1300, -300, -300], atol=1e-3)
    assert volume.voxels[1, 0, 1] < volume.voxels[2, 0, 1]


def test_an_unknown_spacing_is_said_and_a_known_one_kept(tmp_path):
    save(tmp_path, [[0, 255]], [[255, 0]])
    scan = read_scan(tmp_path)
    assert not scan.source.spacing_known
    assert [finding.code for finding in scan.findings] == ["SPACING_UNKNOWN", "ORIENTATION_ASSUMED"]
    np.testing.assert_array_equal(scan.volume.affine, np.eye(4))
    scan = read_scan(tmp_path, spacing_mm=(0.4, 0.5, 2.0))
    assert scan.source.spacing_known
    assert [finding.code for finding in scan.findings] == ["ORIENTATION_ASSUMED"]
    np.testing.assert_array_equal(scan.volume.affine, np.diag([0.4, 0.5, 2.0, 1]))


def test_a_case_folder_stands_for_its_images_or_its_masks(tmp_path):
    save(tmp_path / "images", [[0, 255]], [[255, 0]])
    save(tmp_path / "masks", [[0, 1]], [[1, 0]])
    assert read_scan(tmp_path).volume.voxels[0].tolist() == [[-300, 1300]]
    labels = read_labels(tmp_path, spacing_mm=(0.4, 0.5, 2.0))
    assert labels.voxels.dtype == np.uint8
    assert labels.voxels.tolist() == [[[0, 1]], [[1, 0]]]
    np.testing.assert_allclose(labels.spacing_mm, (0.4, 0.5, 2.0))
    assert read_labels(tmp_path / "masks").voxels.tolist() == [[[0, 1]], [[1, 0]]]


def test_a_case_folder_with_half_of_it_missing_is_refused(tmp_path, refusal):
    save(tmp_path / "a" / "images", [[0, 255]])
    save(tmp_path / "b" / "masks", [[0, 1]])
    require(refusal(InputError, read_labels, tmp_path / "a"), "NO_IMAGES", "masks")
    require(refusal(InputError, read_scan, tmp_path / "b"), "NO_IMAGES", "images")


def test_files_may_be_given_one_by_one(tmp_path):
    save(tmp_path, [[0, 255]], [[255, 0]], [[7, 7]])
    assert read_scan([tmp_path / "1.png", tmp_path / "0.png"]).volume.voxels[0, 0, 0] == -300


def test_a_preview_beside_dicom_does_not_hide_it(tmp_path, write_series, axial):
    write_series(tmp_path, axial)
    save(tmp_path, [[0, 255]], names=["preview.png"])
    assert read_scan(tmp_path).source.kind == "DICOM series"


def test_masks_of_several_values_are_refused_by_their_names(tmp_path, refusal):
    save(tmp_path, [[0, 1]], [[0, 255]])
    require(refusal(InputError, read_labels, tmp_path), "NOT_BINARY", "1, 255")


@pytest.mark.parametrize("mode", ["RGB", "I;16", "P", "LA"])
def test_other_than_8_bit_grey_is_refused(tmp_path, refusal, mode):
    Image.new(mode, (4, 3)).save(tmp_path / "0.png")
    require(refusal(InputError, read_scan, tmp_path), "NOT_GREY", 1, f" {mode},")


def test_mixed_sizes_are_refused(tmp_path, refusal):
    save(tmp_path, [[0, 255]], [[0], [255]])
    require(refusal(GeometryError, read_scan, tmp_path), "SIZES_DIFFER", 2, "1 × 2", "2 × 1")


def test_a_cut_file_is_refused_by_its_number(tmp_path, refusal):
    save(tmp_path, [[0, 255]], np.random.default_rng(0).integers(0, 255, (64, 64)))
    (tmp_path / "1.png").write_bytes((tmp_path / "1.png").read_bytes()[:1000])
    require(refusal(InputError, read_scan, tmp_path), "FILE_BROKEN", 2)


@pytest.mark.parametrize("spacing_mm", [(0.0, 1.0, 1.0), (1.0, -1.0, 1.0), (1.0, 1.0, np.nan)])
def test_an_impossible_spacing_is_refused(tmp_path, refusal, spacing_mm):
    save(tmp_path, [[0, 255]])
    error = refusal(ConfigError, read_scan, tmp_path, spacing_mm=spacing_mm)
    require(error, "CONFIG_ERROR", spacing_mm)


def test_a_shared_knee_is_read_with_its_masks(shared_data):
    ct = read_scan(shared_data / "knee" / "knee01").volume
    labels = read_labels(shared_data / "knee" / "knee01")
    assert ct.shape == labels.shape == (30, 512, 512)
    assert np.median(ct.voxels[labels.voxels == 1]) > np.median(ct.voxels[labels.voxels == 0]) + 200
