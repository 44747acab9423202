"""Whole bones for the archive, from pieces that have names."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pydicom
import pytest
import trimesh
from highdicom.color import CIELabColor

from afunet.anatomy.bones import NAMED, Bone, Side
from afunet.anatomy.names import UNKNOWN, BoneName, NamedLabels
from afunet.formats.dicom.algorithm import Algorithm
from afunet.formats.dicom.result import LEFT, RIGHT, result_planes
from afunet.formats.dicom.rtstruct import write_rtstruct
from afunet.formats.dicom.segmentation import write_segmentation
from afunet.formats.dicom.segmentation_kind import SegmentationKind
from afunet.formats.readers import read_labels, read_scan
from afunet.geometry import Volume
from afunet.reconstruction import pieces as pieces_module
from afunet.reconstruction.instances import split_instances
from afunet.reconstruction.pieces import Instances, measure_pieces
from afunet.report.palette import colour_of
from afunet.workflows.dicom_results import bones_of
from afunet.workflows.result_files import coloured_pieces, write_pieces

TIBIA, FEMUR = BoneName(Bone.TIBIA, Side.LEFT, 0.9), BoneName(Bone.FEMUR, Side.RIGHT, 0.8)


def scan_of(cubes: int) -> Volume:
    """Cubes of bone of falling size, side by side in soft tissue, air behind them."""
    noise = np.random.default_rng(0).normal(40, 15, (14, 16, 16 * cubes))
    voxels = noise.astype(np.int16)
    voxels[:, -1] = -1000
    for number in range(cubes):
        size = 10 - 2 * number
        voxels[2 : 2 + size, 2 : 2 + size, 16 * number + 2 : 16 * number + 2 + size] = 900
    return Volume(voxels, np.diag([1.0, 1.0, 2.0, 1.0]))


def named(scan: Volume, *names: BoneName) -> Instances:
    mask = scan.with_voxels((scan.voxels > 500).astype(np.uint8))
    return measure_pieces(NamedLabels(split_instances(mask), names))


def test_the_fragments_of_a_bone_are_one_structure() -> None:
    labels, structures = bones_of(named(scan_of(3), TIBIA, FEMUR, TIBIA))
    assert [structure.name for structure in structures] == ["left tibia", "right femur"]
    assert [structure.laterality for structure in structures] == [LEFT, RIGHT]
    assert [structure.code.meaning for structure in structures] == ["Tibia", "Femur"]
    counts = np.bincount(labels.voxels.ravel())[1:]
    assert counts.tolist() == [10**3 + 6**3, 8**3]


def test_what_has_no_name_is_bone(monkeypatch: pytest.MonkeyPatch) -> None:
    labels, structures = bones_of(named(scan_of(3), UNKNOWN, FEMUR, UNKNOWN))
    assert [structure.name for structure in structures] == ["bone", "right femur"]
    assert (labels.voxels == 1).sum() == 10**3 + 6**3
    monkeypatch.setattr(pieces_module, "MOST_PIECES", 2)  # the third is not measured
    labels, structures = bones_of(named(scan_of(3), TIBIA, FEMUR, UNKNOWN))
    assert [structure.name for structure in structures] == ["left tibia", "right femur", "bone"]
    assert (labels.voxels == 3).sum() == 6**3


def test_a_mask_without_bone_has_one_empty_structure() -> None:
    nothing = Volume(np.zeros((4, 5, 6), np.uint8), np.eye(4))
    labels, structures = bones_of(measure_pieces(NamedLabels(nothing, ())))
    assert [structure.name for structure in structures] == ["bone"]
    assert not labels.voxels.any()


@pytest.mark.parametrize("kind", [SegmentationKind.BINARY, SegmentationKind.LABELMAP])
def test_each_bone_is_a_segment_with_its_side(
    kind: SegmentationKind, tmp_path: Path, write_dicom: Callable[..., Path]
) -> None:
    scan = read_scan(write_dicom(tmp_path / "ct", scan_of(3)))
    placed = result_planes(scan)
    labels, structures = bones_of(named(scan.volume, TIBIA, FEMUR, TIBIA))
    algorithm = Algorithm("afunet", "1", "ab" * 32)
    segments = placed.segments(structures, labels)
    write_segmentation(segments, placed, algorithm, tmp_path / "seg.dcm", kind)
    found = pydicom.dcmread(tmp_path / "seg.dcm")
    described = [item for item in found.SegmentSequence if item.SegmentLabel != "Background"]
    assert [item.SegmentLabel for item in described] == ["left tibia", "right femur"]
    kinds = [item.SegmentedPropertyTypeCodeSequence[0] for item in described]
    assert [kind.CodeValue for kind in kinds] == ["12611008", "71341001"]
    sides = [kind.SegmentedPropertyTypeModifierCodeSequence[0].CodeMeaning for kind in kinds]
    assert sides == ["Left", "Right"]
    write_rtstruct(segments, placed, algorithm, tmp_path / "rt.dcm")
    regions = pydicom.dcmread(tmp_path / "rt.dcm").StructureSetROISequence
    assert [region.ROIName for region in regions] == ["left tibia", "right femur"]


@pytest.mark.parametrize("bone", NAMED)
def test_every_bone_of_the_table_comes_back_from_a_segmentation(
    bone: Bone, tmp_path: Path, write_dicom: Callable[..., Path]
) -> None:
    scan = read_scan(write_dicom(tmp_path / "ct", scan_of(3)))
    placed = result_planes(scan)
    meant = [Side.LEFT, Side.RIGHT, None] if bone.row.sided else [None]
    names = [BoneName(bone, side, 0.9, 0.9) for side in meant]
    labels, structures = bones_of(named(scan.volume, *names, *[UNKNOWN] * (3 - len(names))))
    segments = placed.segments(structures, labels)
    write_segmentation(segments, placed, Algorithm("afunet", "1", "ab" * 32), tmp_path / "seg.dcm")
    found = pydicom.dcmread(tmp_path / "seg.dcm").SegmentSequence[: len(meant)]
    kinds = [item.SegmentedPropertyTypeCodeSequence[0] for item in found]
    assert {(kind.CodeValue, kind.CodeMeaning) for kind in kinds} == {bone.row.snomed}
    told = [kind.get("SegmentedPropertyTypeModifierCodeSequence") for kind in kinds]
    assert [side and side[0].CodeMeaning.lower() for side in told] == meant
    colours = [CIELabColor.from_dicom_value(tuple(i.RecommendedDisplayCIELabValue)) for i in found]
    assert [colour.to_rgb() for colour in colours] == [colour_of(bone, 1, side) for side in meant]
    voxels = read_labels(tmp_path / "seg.dcm").voxels
    assert np.array_equal(np.bincount(voxels.ravel())[1:], np.bincount(labels.voxels.ravel())[1:])


def test_a_bone_has_one_colour_in_every_result(
    tmp_path: Path, write_dicom: Callable[..., Path]
) -> None:
    scan = read_scan(write_dicom(tmp_path / "ct", scan_of(3)))
    instances = named(scan.volume, TIBIA, FEMUR, TIBIA)
    meant = [("tibia", 1, "left"), ("femur", 1, "right"), ("tibia", 2, "left")]
    pieces = coloured_pieces(instances)
    assert [piece.colour for piece in pieces] == [colour_of(*piece) for piece in meant]

    write_pieces(instances, "glb", tmp_path)
    nodes = trimesh.load(tmp_path / "bones.glb").geometry
    for piece in pieces:
        linear = nodes[piece.name].visual.material.baseColorFactor[:3] / 255
        srgb = 255 * linear ** (1 / 2.2)
        assert (
            np.abs(srgb - piece.colour).max() < 10
        )  # a byte of linear light is coarse in the dark

    placed = result_planes(scan)
    labels, structures = bones_of(instances)
    segments, algorithm = placed.segments(structures, labels), Algorithm("afunet", "1", "ab" * 32)
    write_segmentation(segments, placed, algorithm, tmp_path / "seg.dcm")
    write_rtstruct(segments, placed, algorithm, tmp_path / "rt.dcm")
    described = pydicom.dcmread(tmp_path / "seg.dcm").SegmentSequence
    lab = [tuple(item.RecommendedDisplayCIELabValue) for item in described]
    drawn = pydicom.dcmread(tmp_path / "rt.dcm").ROIContourSequence
    whole = [colour_of(*piece) for piece in meant[:2]]
    assert [CIELabColor.from_dicom_value(value).to_rgb() for value in lab] == whole
    assert [tuple(item.ROIDisplayColor) for item in drawn] == whole
