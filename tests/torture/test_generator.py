"""The generator by itself, seen by pydicom and by ITK's GDCM reader: no code of the package."""

from __future__ import annotations

import zipfile
from pathlib import Path

import numpy as np
import pydicom
import pytest
import SimpleITK
from pydicom.uid import UID, EnhancedCTImageStorage

from . import archives
from .cases import CASES
from .encoding import Stored
from .identifiers import IDENTIFIERS, names_in
from .leg import BOXES_MM, CENTRE_MM, LANDMARKS, THRESHOLD_HU, bone_at, hu_at
from .planes import PIXEL_MM, SLICES, STEP_MM, stack
from .truth import Difference, dice, difference, exact_bone, resampled_bone

SYNTAXES = {
    "implicit little endian": "1.2.840.10008.1.2",
    "deflated": "1.2.840.10008.1.2.1.99",
    "explicit big endian, signed": "1.2.840.10008.1.2.2",
    "JPEG baseline, 8 bits": "1.2.840.10008.1.2.4.50",
    "JPEG extended, 12 bits": "1.2.840.10008.1.2.4.51",
    "JPEG lossless (process 14)": "1.2.840.10008.1.2.4.57",
    "JPEG lossless (selection value 1)": "1.2.840.10008.1.2.4.70",
    "JPEG-LS lossless, signed": "1.2.840.10008.1.2.4.80",
    "JPEG-LS near lossless": "1.2.840.10008.1.2.4.81",
    "JPEG 2000 lossless, signed": "1.2.840.10008.1.2.4.90",
    "JPEG 2000 lossy": "1.2.840.10008.1.2.4.91",
    "HTJ2K lossless": "1.2.840.10008.1.2.4.201",
    "RLE": "1.2.840.10008.1.2.5",
}
NO_DECODER_IN_PYDICOM = {"JPEG extended, 12 bits"}
LARGEST_ERROR_HU = {"JPEG baseline, 8 bits": 60.0, "JPEG-LS near lossless": 3.5}
LOSSY_HU, EXACT_HU = 40.0, 0.51


def write(name: str, folder: Path) -> list[Path]:
    """The files of a case, in the order of the slices for those of one folder."""
    case = CASES[name]
    case.write(folder)
    return sorted((path for path in folder.rglob("*") if path.is_file()), reverse=True)


def test_bone_is_what_is_above_200_hu() -> None:
    points_mm = CENTRE_MM + np.random.default_rng(1).uniform(-45, 45, (200_000, 3))

    assert np.array_equal(hu_at(points_mm) >= THRESHOLD_HU, bone_at(points_mm))


def test_the_fibula_is_on_the_left_and_the_patella_in_front_at_known_centres() -> None:
    assert LANDMARKS["patella"] - CENTRE_MM == pytest.approx([1, -26, 14], abs=0.05)
    assert LANDMARKS["fibula head"][0] - CENTRE_MM[0] == pytest.approx(30, abs=0.05)
    assert LANDMARKS["fibula head"][0] > LANDMARKS["patella"][0]


def test_no_other_bone_reaches_into_the_boxes_of_the_landmarks() -> None:
    for low, high in BOXES_MM.values():
        axes = [np.arange(a, b, 0.5) for a, b in zip(low, high, strict=True)]
        bone = bone_at(np.stack(np.meshgrid(*axes, indexing="ij"), axis=-1) + CENTRE_MM)
        sides = (bone[0], bone[-1], bone[:, 0], bone[:, -1], bone[..., 0], bone[..., -1])

        assert bone.any()
        assert not any(side.any() for side in sides)


@pytest.mark.parametrize("name", ["plain", "double oblique 18°, −14°, 25°", "head first, prone"])
def test_itk_finds_the_bone_at_the_right_millimetres(name: str, tmp_path: Path) -> None:
    write(name, tmp_path)
    reader = SimpleITK.ImageSeriesReader()
    reader.SetFileNames(reader.GetGDCMSeriesFileNames(str(tmp_path)))
    image = reader.Execute()
    affine = np.eye(4)
    directions = np.array(image.GetDirection()).reshape(3, 3)
    affine[:3, :3] = directions * image.GetSpacing()
    affine[:3, 3] = image.GetOrigin()

    off = difference(resampled_bone(SimpleITK.GetArrayFromImage(image), affine), exact_bone())

    assert off.dice >= 0.99
    assert off.landmark_mm <= 0.1


@pytest.mark.parametrize("name", SYNTAXES)
def test_files_are_in_the_syntax_that_the_case_names(name: str, tmp_path: Path) -> None:
    path = write(name, tmp_path)[20]
    dataset = pydicom.dcmread(path)
    hu = stack()[20].hu()

    assert dataset.file_meta.TransferSyntaxUID == UID(SYNTAXES[name])
    if name in NO_DECODER_IN_PYDICOM:
        stored = SimpleITK.GetArrayFromImage(SimpleITK.ReadImage(str(path)))[0]
        found = stored  # ITK applies the rescale
    else:
        found = dataset.pixel_array * dataset.RescaleSlope + dataset.RescaleIntercept
    lossy = dataset.get("LossyImageCompression") == "01"
    assert np.abs(found - hu).max() <= LARGEST_ERROR_HU.get(name, LOSSY_HU if lossy else EXACT_HU)


def test_stored_numbers_give_back_the_hu() -> None:
    hu = np.array([[-1000.0, 0.0, 50.0, 1200.0]])
    for stored in (Stored(), Stored(signed=True), Stored(bits=12), Stored(slope=0.5)):
        assert np.array_equal(stored.of(hu) * stored.slope + stored.intercept, hu)
    left = Stored(bits=12, left_aligned=True)
    assert left.high_bit == 15
    assert np.array_equal(left.of(hu) >> 4, Stored(bits=12).of(hu))


def test_an_enhanced_image_holds_every_slice_with_its_position(tmp_path: Path) -> None:
    (path,) = write("enhanced multi-frame", tmp_path)
    dataset = pydicom.dcmread(path)
    groups = dataset.PerFrameFunctionalGroupsSequence
    positions = [group.PlanePositionSequence[0].ImagePositionPatient for group in groups]

    assert dataset.SOPClassUID == EnhancedCTImageStorage
    assert dataset.pixel_array.shape[0] == dataset.NumberOfFrames == SLICES
    expected = [plane.origin_mm for plane in stack()]
    assert np.array(positions, dtype=float) == pytest.approx(np.array(expected), abs=1e-4)
    hu = dataset.pixel_array[7] - 1024.0
    assert np.abs(hu - stack()[7].hu()).max() <= EXACT_HU


def test_old_exports_lack_what_they_are_said_to_lack(tmp_path: Path) -> None:
    bare = write("no preamble (implicit)", tmp_path / "bare")[0].read_bytes()
    unnamed = write("no transfer syntax (explicit)", tmp_path / "unnamed")[0].read_bytes()

    assert bare[:2] == b"\x08\x00"
    assert unnamed[128:132] == b"DICM"
    assert b"\x02\x00\x10\x00UI" not in unnamed[:600]


def test_every_header_names_the_patient(tmp_path: Path) -> None:
    header = pydicom.dcmread(write("plain", tmp_path)[0], stop_before_pixels=True)

    assert {keyword: str(header[keyword].value) for keyword in IDENTIFIERS} == IDENTIFIERS
    assert names_in("left knee of Erika") == ["erika"]


def test_archives_lie_as_they_are_said_to(tmp_path: Path) -> None:
    (good,) = write("zip archive", tmp_path / "good")
    (lying,) = write("zip archive that understates its sizes", tmp_path / "lying")
    (locked,) = write("zip archive, encrypted", tmp_path / "locked")

    with zipfile.ZipFile(good) as archive:
        assert archive.testzip() is None
        assert len(archive.namelist()) == SLICES
    with zipfile.ZipFile(lying) as archive:
        assert {member.file_size for member in archive.infolist()} == {100}
    with zipfile.ZipFile(locked) as archive, pytest.raises(RuntimeError, match="encrypted"):
        archive.read(archive.namelist()[0])
    assert good.name == archives.ARCHIVE


def test_a_shift_of_a_fifth_of_a_millimetre_and_a_mirror_are_told_apart() -> None:
    planes = stack()
    hu, first = np.stack([plane.hu() for plane in planes]), planes[0]
    affine = np.diag([PIXEL_MM, PIXEL_MM, STEP_MM, 1.0])
    affine[:3, 3] = first.origin_mm
    shifted = affine.copy()
    shifted[:3, 3] += (0.0, 0.2, 0.0)
    straight = resampled_bone(hu, affine)

    assert difference(straight, straight) == Difference(1.0, 0.0)
    assert difference(resampled_bone(hu, shifted), straight).landmark_mm > 0.1
    assert difference(resampled_bone(hu[..., ::-1], affine), straight).dice < 0.99


def test_dice_of_two_empty_masks_is_1() -> None:
    nothing = np.zeros((2, 2, 2), dtype=bool)

    assert dice(nothing, nothing) == 1
    assert dice(nothing, ~nothing) == 0
