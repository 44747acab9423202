from pathlib import Path

import numpy as np
import pydicom
from tests.refusals import refused

from afunet.errors import GeometryError, OutputError
from afunet.geometry import Volume
from afunet.phantom import SIMULATOR, write_dicom_series


def volume() -> Volume:
    """Three slices of 2 rows × 4 columns, turned 90° about z; HU 0, 1, 2, … and two extremes."""
    affine = np.array([[0, -0.7, 0, 5], [0.5, 0, 0, -6], [0, 0, 3, 7], [0, 0, 0, 1.0]])
    voxels = np.arange(24, dtype=np.int16).reshape(3, 2, 4)
    voxels[0, 0, :2] = [-3000, 4000]
    return Volume(voxels, affine)


def test_hu_and_place_come_back_from_the_files(tmp_path: Path) -> None:
    paths = write_dicom_series(volume(), tmp_path / "ct", seed=4)
    files = [pydicom.dcmread(path) for path in paths]
    assert [file.InstanceNumber for file in files] == [1, 2, 3]
    hu = np.stack([file.pixel_array * file.RescaleSlope + file.RescaleIntercept for file in files])
    assert hu[0, 0].tolist() == [-1024, 3071, 2, 3]
    assert np.array_equal(hu[1:], volume().voxels[1:])
    last = files[2]
    assert last.SoftwareVersions == SIMULATOR
    assert np.allclose(last.ImagePositionPatient, [5, -6, 13])
    assert np.allclose(last.ImageOrientationPatient, [0, 1, 0, -1, 0, 0])
    assert np.allclose(last.PixelSpacing, [0.7, 0.5])
    assert last.SliceThickness == 3
    assert (last.BitsAllocated, last.BitsStored, last.HighBit) == (16, 12, 11)
    assert last.file_meta.TransferSyntaxUID.is_little_endian
    assert not last.file_meta.TransferSyntaxUID.is_implicit_VR


def test_a_series_is_one_series_and_the_seed_decides_its_identifiers(tmp_path: Path) -> None:
    one, same, other = (
        [path.read_bytes() for path in write_dicom_series(volume(), tmp_path / name, seed)]
        for name, seed in [("a", 1), ("b", 1), ("c", 2)]
    )
    assert one == same
    assert one != other
    files = [pydicom.dcmread(path) for path in sorted((tmp_path / "a").iterdir())]
    assert len({file.SeriesInstanceUID for file in files}) == 1
    assert len({file.FrameOfReferenceUID for file in files}) == 1
    assert len({file.SOPInstanceUID for file in files}) == 3
    assert all(file.SOPInstanceUID.is_valid for file in files)


def test_a_sheared_volume_is_refused(tmp_path: Path) -> None:
    sheared = volume().affine.copy()
    sheared[0, 2] = 1.0
    with refused(GeometryError, "SHEARED"):
        write_dicom_series(Volume(volume().voxels, sheared), tmp_path)


def test_a_folder_that_cannot_be_made_is_one_clear_line(tmp_path: Path) -> None:
    (tmp_path / "taken").write_text("a file")
    with refused(OutputError, "EEXIST"):
        write_dicom_series(volume(), tmp_path / "taken")
