"""Pieces for 3D Slicer, and back: the same labels, names, sides and colours."""

from pathlib import Path

import numpy as np
import pytest
import slicerio
from tests.workflows.test_edit import JOIN, PART, RENAME, SEEDS, contents, labels_in, table, told
from tests.workflows.test_result_files import FEMUR, TIBIA, named, scan_of

from afunet.anatomy.names import UNKNOWN, NamedLabels
from afunet.formats.nifti import write_nifti
from afunet.formats.readers import read_labelling, read_labels
from afunet.formats.seg_nrrd import write_seg_nrrd
from afunet.formats.segments import Segment
from afunet.geometry import Volume
from afunet.reconstruction import pieces as pieces_module
from afunet.reconstruction.pieces import measure_pieces
from afunet.report.palette import colour_of
from afunet.workflows.edit import edit
from afunet.workflows.edit_list import Edit
from afunet.workflows.reconstruct import reconstruct
from afunet.workflows.segment import SegmentOptions, segment
from afunet.workflows.slicer_results import REST, SLICER_FORMATS, segments_of, write_segments
from afunet.workflows.undo import undo

pytestmark = pytest.mark.usefixtures("small_pictures")
SEGMENTS, COLOURS = SLICER_FORMATS.values()
AFFINE = np.array([[1.0, 0, 0, -50], [0, 1.0, 0, 20], [0, 0, 1.5, 300], [0, 0, 0, 1]])


def blocks() -> Volume:
    """Three blocks of 960, 560 and 160 voxels of 1.5 mm³."""
    voxels = np.zeros((14, 20, 40), np.uint8)
    voxels[2:10, 5:15, 3:15] = voxels[2:10, 5:15, 20:27] = voxels[2:6, 8:13, 30:38] = 1
    return Volume(voxels, AFFINE)


def names_in(path: Path) -> dict[int, str]:
    found = slicerio.read_segmentation(str(path), skip_voxels=True)
    return {one["labelValue"]: one["name"] for one in found.get("segments", ())}


def colours_in(path: Path) -> dict[int, str]:
    lines = [line.split() for line in path.read_text().splitlines() if line[0] != "#"]
    return {int(line[0]): line[1] for line in lines[1:]}


def test_each_piece_is_a_segment_with_its_code_side_and_colour() -> None:
    labels, segments = segments_of(named(scan_of(3), TIBIA, FEMUR, TIBIA))
    assert [one.label for one in segments] == [1, 2, 3]
    assert [one.name for one in segments] == ["left tibia a", "right femur", "left tibia b"]
    assert [one.kind and one.kind.meaning for one in segments] == ["Tibia", "Femur", "Tibia"]
    assert [one.side and one.side.meaning for one in segments] == ["Left", "Right", "Left"]
    pieces = [("tibia", 1, "left"), ("femur", 1, "right"), ("tibia", 2, "left")]
    assert [one.colour for one in segments] == [colour_of(*piece) for piece in pieces]
    assert np.bincount(labels.voxels.ravel())[1:].tolist() == [10**3, 8**3, 6**3]


def test_bone_that_was_not_measured_is_one_more_segment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pieces_module, "MOST_PIECES", 1)
    labels, segments = segments_of(named(scan_of(3), TIBIA, FEMUR, UNKNOWN))
    assert [(one.label, one.name) for one in segments] == [(1, "left tibia"), (2, REST)]
    assert np.bincount(labels.voxels.ravel())[1:].tolist() == [10**3, 8**3 + 6**3]


def test_a_mask_without_bone_has_no_segment(tmp_path: Path) -> None:
    nothing = Volume(np.zeros((4, 5, 6), np.uint8), np.eye(4))
    instances = measure_pieces(NamedLabels(nothing, ()))
    assert segments_of(instances)[1] == ()
    write_segments(None, instances, tmp_path)
    assert not read_labels(tmp_path / SEGMENTS).voxels.any()


def test_segments_come_back_as_the_same_pieces(tmp_path: Path) -> None:
    """Also a piece in two parts, which dividing would tear apart."""
    labels = blocks()
    meant = labels.with_voxels(labels.voxels.copy())
    meant.voxels[:, :, 20:27] *= 4
    meant.voxels[:, :, 30:38] *= 4  # joined by hand across a gap; no label is 2 or 3
    write_seg_nrrd(
        meant, [Segment(1, "left tibia"), Segment(4, "Doe John")], tmp_path / "own.seg.nrrd"
    )
    done = reconstruct(tmp_path / "own.seg.nrrd", tmp_path / "out", tuple(SLICER_FORMATS))
    assert np.array_equal(labels_in(tmp_path / "out"), meant.voxels)
    assert table(tmp_path / "out") == {1: ("left tibia", 1440.0), 4: ("piece 4", 1080.0)}
    assert {"SEGMENTATION", "SEGMENTS_NAMED"} <= {one.code for one in done.findings}
    again = read_labelling(tmp_path / "out" / SEGMENTS)
    assert np.array_equal(again.volume.voxels, meant.voxels)
    assert [(one.label, one.name) for one in again.segments] == [(1, "left tibia"), (4, "piece 4")]
    assert colours_in(tmp_path / "out" / COLOURS) == {1: "left_tibia", 4: "piece_4"}
    written = b"".join(path.read_bytes() for path in (tmp_path / "out").iterdir() if path.is_file())
    assert b"Doe" not in written


def test_segments_that_name_no_bone_are_divided_as_any_mask(tmp_path: Path) -> None:
    write_seg_nrrd(blocks(), [Segment(1, "Segment_1")], tmp_path / "own.seg.nrrd")
    done = reconstruct(tmp_path / "own.seg.nrrd", tmp_path / "out")
    assert [piece.measures.label for piece in done.instances.pieces] == [1, 2, 3]
    assert "SEGMENTS_NAMED" not in {one.code for one in done.findings}


def test_a_correction_makes_them_again_and_undo_brings_them_back(tmp_path: Path) -> None:
    out = tmp_path / "out"
    write_nifti(blocks(), tmp_path / "mask.nii.gz")
    reconstruct(tmp_path / "mask.nii.gz", out, ("stl", *SLICER_FORMATS))
    assert names_in(out / SEGMENTS) == {1: "piece 1", 2: "piece 2", 3: "piece 3"}
    before = contents(out)
    edit(out, [Edit(PART, (1,), SEEDS), Edit(RENAME, (2,), name="left femur")])
    assert names_in(out / SEGMENTS) == {label: name for label, (name, _) in table(out).items()}
    assert names_in(out / SEGMENTS)[2] == "left femur"
    assert np.array_equal(read_labels(out / SEGMENTS).voxels, labels_in(out))
    assert colours_in(out / COLOURS)[2] == "left_femur"
    assert {SEGMENTS, COLOURS} <= set(told(out)["files"])
    undo(out)
    assert contents(out) == before


def test_a_case_has_them_too_and_a_correction_follows(tmp_path: Path, weights: Path) -> None:
    out = tmp_path / "out"
    write_nifti(scan_of(3), tmp_path / "ct.nii.gz")
    formats = ("nifti", *SLICER_FORMATS)
    segment(tmp_path / "ct.nii.gz", out, SegmentOptions(weights=weights, formats=formats))
    pieces = {label: name for label, (name, _) in table(out).items()}
    assert names_in(out / SEGMENTS) == pieces
    assert len(pieces) > 1
    assert np.array_equal(read_labels(out / SEGMENTS).voxels, labels_in(out))
    edit(out, [Edit(JOIN, (1, 2))])
    assert 2 not in names_in(out / SEGMENTS)
    assert np.array_equal(read_labels(out / SEGMENTS).voxels, labels_in(out))
