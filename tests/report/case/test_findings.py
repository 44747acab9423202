"""What a report says of a case's bone and of its pieces as a whole."""

import numpy as np
import pytest
from tests.refusals import holds

from afunet.anatomy.names import NamedLabels
from afunet.geometry import Volume
from afunet.inference.cleanup import clean_up
from afunet.preprocessing.orientation import Axial
from afunet.reconstruction import pieces
from afunet.reconstruction.instances import split_instances
from afunet.reconstruction.pieces import Instances, measure_pieces
from afunet.report.case.facts import BoneFacts
from afunet.report.case.findings import piece_findings


def pieces_of(mask: Volume, scan: Volume | None = None) -> Instances:
    """The pieces that a mask falls into, none of them with a name."""
    return measure_pieces(NamedLabels.unnamed(split_instances(mask)), scan)


def three_specks() -> Volume:
    voxels = np.zeros((3, 3, 30), dtype=np.uint8)
    voxels[1, 1, 2:28:10] = 1
    return Volume(voxels, np.eye(4))


def test_pieces_that_all_have_a_surface_are_nothing_to_note() -> None:
    found = pieces_of(three_specks())
    assert piece_findings(found) == []
    assert [piece.name for piece in found.pieces] == ["piece 1", "piece 2", "piece 3"]


def test_very_many_pieces_are_a_warning(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pieces, "MOST_PIECES", 2)
    (finding,) = piece_findings(pieces_of(three_specks()))
    assert finding.code == "MANY_PIECES"
    assert holds(finding.message, 3, 2)


def test_the_pieces_are_one_notion_and_add_up_to_the_bone() -> None:
    """Two bones that hang together by one voxel are one component and two pieces."""
    voxels = np.zeros((40, 30, 30), dtype=np.uint8)
    voxels[2:18, 5:25, 5:25] = 1
    voxels[18:20, 14:16, 14:16] = 1
    voxels[20:38, 5:25, 5:25] = 1
    scan = Volume(np.where(voxels, 900, 50).astype(np.int16), np.diag([0.8, 0.8, 1.5, 1]))
    mask, cleaned = clean_up(scan.with_voxels(voxels), Axial.of(scan))
    found = pieces_of(mask, scan)
    bone, parts = BoneFacts.of(mask, found, {}), [piece.measures for piece in found.pieces]
    assert cleaned.pieces_kept == 1
    assert bone.pieces == len(parts) == 2
    assert sum(one.volume_mm3 for one in parts) == pytest.approx(1000 * bone.volume_cm3)
    assert bone.smallest_piece_mm3 == pytest.approx(min(one.volume_mm3 for one in parts))


def test_pieces_without_measures_are_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pieces, "MOST_PIECES", 2)
    mask = three_specks()
    assert BoneFacts.of(mask, pieces_of(mask), {}).pieces == 3


def test_no_bone_is_no_piece() -> None:
    mask = three_specks()
    empty = mask.with_voxels(mask.voxels * 0)
    bone = BoneFacts.of(empty, pieces_of(empty), {})
    assert (bone.pieces, bone.smallest_piece_mm3, bone.volume_cm3) == (0, 0, 0)
