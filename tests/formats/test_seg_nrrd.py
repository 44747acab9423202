"""Segmentations of 3D Slicer: what slicerio, pynrrd and ITK find in them, and what is read."""

from pathlib import Path

import nrrd
import numpy as np
import pytest
import SimpleITK
import slicerio
from tests.refusals import refused

from afunet.errors import GeometryError, InputError, OutputError
from afunet.formats.colour_table import write_colour_table
from afunet.formats.readers import read_labelling
from afunet.formats.seg_nrrd import write_seg_nrrd
from afunet.formats.segments import LEFT, Code, Segment, codes_of, colour_of_text
from afunet.geometry import Volume

FEMUR = Code("SCT", "71341001", "Femur")
SEGMENTS = (
    Segment(1, "left femur", FEMUR, LEFT, (200, 193, 137)),
    Segment(2, "piece 2", Code("SCT", "272673000", "Bone"), None, (1, 2, 255)),
    Segment(7, "nothing there"),
)
AFFINE = np.array([[0.0, 0, 1.5, -10], [0.5, 0, 0, 20], [0, 0.6, 0, 30], [0, 0, 0, 1]])


@pytest.fixture
def labels() -> Volume:
    """24 voxels of 1 and 2 of 2 on a grid whose axes are turned."""
    voxels = np.zeros((6, 7, 8), np.uint8)
    voxels[1:3, 2:5, 3:7], voxels[4, 1:3, 0] = 1, 2
    return Volume(voxels, AFFINE)


@pytest.fixture
def path(labels: Volume, tmp_path: Path) -> Path:
    path = tmp_path / "pieces.seg.nrrd"
    write_seg_nrrd(labels, SEGMENTS, path)
    return path


def test_slicerio_finds_names_codes_colours_and_places(path: Path, labels: Volume) -> None:
    found = slicerio.read_segmentation(str(path))
    assert np.array_equal(found["voxels"].transpose(2, 1, 0), labels.voxels)
    np.testing.assert_allclose(found["ijkToLPS"], AFFINE, atol=1e-9)
    assert found["masterRepresentation"] == "Binary labelmap"
    femur, other, empty = found["segments"]
    assert [one["name"] for one in found["segments"]] == [one.name for one in SEGMENTS]
    assert [one["labelValue"] for one in found["segments"]] == [1, 2, 7]
    assert len({one["id"] for one in found["segments"]}) == 3
    assert femur["terminology"]["category"] == ["SCT", "123037004", "Anatomical Structure"]
    assert femur["terminology"]["type"] == ["SCT", "71341001", "Femur"]
    assert femur["terminology"]["typeModifier"] == ["SCT", "7771000", "Left"]
    assert "typeModifier" not in other["terminology"]
    assert "terminology" not in empty
    np.testing.assert_allclose(np.multiply(femur["color"], 255), (200, 193, 137), atol=0.001)
    assert femur["extent"] == [3, 6, 2, 4, 1, 2]  # columns, rows, slices
    assert other["extent"] == [0, 0, 1, 2, 4, 4]
    assert empty["extent"] == [0, -1, 0, -1, 0, -1]


def test_pynrrd_and_itk_find_the_same_grid(path: Path, labels: Volume) -> None:
    voxels, header = nrrd.read(str(path))
    assert np.array_equal(voxels.transpose(2, 1, 0), labels.voxels)
    assert header["space"] == "left-posterior-superior"
    np.testing.assert_allclose(header["space directions"].T, AFFINE[:3, :3], atol=1e-9)
    np.testing.assert_allclose(header["space origin"], AFFINE[:3, 3])
    image = SimpleITK.ReadImage(str(path))
    assert np.array_equal(SimpleITK.GetArrayFromImage(image), labels.voxels)
    corner = image.TransformIndexToPhysicalPoint((7, 6, 5))
    np.testing.assert_allclose(corner, labels.to_mm([7, 6, 5]), atol=1e-9)


def test_what_was_written_is_read_with_its_segments(path: Path, labels: Volume) -> None:
    read = read_labelling(path)
    assert np.array_equal(read.volume.voxels, labels.voxels)
    assert read.volume.same_grid(labels)
    assert read.segments == SEGMENTS
    assert read.is_part
    assert read.codes == {"SEGMENTATION"}


def test_segments_in_layers_become_one_label_map(labels: Volume, path: Path) -> None:
    """As Slicer saves segments that overlap: a list of label maps, the fields as before."""
    both = slicerio.read_segmentation(str(path))
    layers = np.stack([both["voxels"] == 1, both["voxels"] == 2]).astype(np.uint8)
    layers[1, 3:5, 2, 1] = 1  # of the femur too
    both["voxels"] = layers
    both["segments"] = both["segments"][:2]
    for layer, segment in enumerate(both["segments"]):
        segment["layer"], segment["labelValue"] = layer, 1
    slicerio.write_segmentation(str(path), both)
    read = read_labelling(path)
    assert [(one.label, one.name) for one in read.segments] == [(1, "left femur"), (2, "piece 2")]
    meant = labels.voxels.copy()
    meant[1, 2, 3:5] = 2
    assert np.array_equal(read.volume.voxels, meant)
    assert read.codes == {"SEGMENTATION", "SEGMENTS_OVERLAP"}
    assert "2 voxels" in next(f for f in read.findings if f.code == "SEGMENTS_OVERLAP").message


def test_an_nrrd_without_segments_is_read_as_before(labels: Volume, tmp_path: Path) -> None:
    write_seg_nrrd(labels, (), tmp_path / "bare.seg.nrrd")
    read = read_labelling(tmp_path / "bare.seg.nrrd")
    assert np.array_equal(read.volume.voxels, labels.voxels)
    assert (read.segments, read.is_part, read.codes) == ((), False, frozenset())


def test_an_empty_segmentation_is_read(labels: Volume, tmp_path: Path) -> None:
    nothing = labels.with_voxels(np.zeros_like(labels.voxels))
    write_seg_nrrd(nothing, SEGMENTS, tmp_path / "none.seg.nrrd")
    assert not read_labelling(tmp_path / "none.seg.nrrd").volume.voxels.any()


@pytest.mark.parametrize("field", [b"LabelValue:=1", b"LabelValue:=x1"])
def test_broken_fields_are_refused(path: Path, field: bytes) -> None:
    instead = b"Other:=1" if field.endswith(b"=1") else b"LabelValue:=one"
    path.write_bytes(path.read_bytes().replace(b"LabelValue:=1", instead))
    with refused(InputError, "FILE_BROKEN", path.name):
        read_labelling(path)


def test_a_layer_that_is_not_there_is_refused(path: Path) -> None:
    image = SimpleITK.ReadImage(str(path))
    two = SimpleITK.Compose(image, image)
    for key in image.GetMetaDataKeys():
        if key.startswith("Segment"):
            two.SetMetaData(key, image.GetMetaData(key))
    two.SetMetaData("Segment1_Layer", "5")
    SimpleITK.WriteImage(two, str(path))
    with refused(InputError, "FILE_BROKEN", path.name):
        read_labelling(path)


def test_several_numbers_per_voxel_without_segments_are_refused(path: Path) -> None:
    image = SimpleITK.ReadImage(str(path))
    SimpleITK.WriteImage(SimpleITK.Compose(image, image), str(path))
    with refused(InputError, "NOT_A_VOLUME", "2 numbers per voxel"):
        read_labelling(path)


def test_sheared_axes_are_refused(labels: Volume, tmp_path: Path) -> None:
    path = tmp_path / "pieces.seg.nrrd"
    write_seg_nrrd(labels, SEGMENTS, path)
    path.write_bytes(path.read_bytes().replace(b"(0,0.5,0)", b"(0,0.5,.2)"))
    with refused(GeometryError, "SHEARED"):
        read_labelling(path)


def test_a_place_that_cannot_be_written_leaves_nothing(labels: Volume, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    for write in (
        lambda path: write_seg_nrrd(labels, SEGMENTS, path.with_suffix(".seg.nrrd")),
        lambda path: write_colour_table(SEGMENTS, path.with_suffix(".ctbl")),
    ):
        with refused(OutputError, "EEXIST"):
            write(tmp_path / "file" / "pieces")
    assert [item.name for item in tmp_path.iterdir()] == ["file"]


def test_a_colour_table_has_a_line_for_each_label(tmp_path: Path) -> None:
    path = tmp_path / "pieces.ctbl"
    write_colour_table(SEGMENTS[::-1], path)
    lines = [line.split() for line in path.read_text().splitlines() if not line.startswith("#")]
    assert lines == [
        ["0", "background", "0", "0", "0", "0"],
        ["1", "left_femur", "200", "193", "137", "255"],
        ["2", "piece_2", "1", "2", "255", "255"],
        ["7", "nothing_there", "172", "21", "211", "255"],
    ]


def test_labels_that_slicer_does_not_read_are_no_colour_table(tmp_path: Path) -> None:
    with refused(OutputError, "LABEL_TOO_LARGE", "40000"):
        write_colour_table([Segment(40_000, "bone")], tmp_path / "pieces.ctbl")
    assert not list(tmp_path.iterdir())


def test_codes_come_back_from_tags_and_from_the_anatomic_region() -> None:
    assert codes_of(SEGMENTS[0].tags) == (FEMUR, LEFT)
    region = (
        "TerminologyEntry:list~SCT^85756007^Tissue~SCT^272673000^Bone~^^"
        "~regions~SCT^71341001^Femur~SCT^7771000^Left|"
    )
    assert codes_of(region) == (FEMUR, LEFT)
    for nothing in ("", "TerminologyEntry:", "Segmentation.Status:x|", "a|b~c|:"):
        assert codes_of(nothing) == (None, None)


def test_colours_come_back_from_text() -> None:
    assert colour_of_text("0.784314 0.756863 1") == (200, 193, 255)
    assert colour_of_text("2 -1 0") == (255, 0, 0)
    for wrong in ("", "1 2", "red green blue", "nan 0 0"):
        assert colour_of_text(wrong) is None
