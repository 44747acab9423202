"""What a report says of a case's pieces as a whole."""

import numpy as np
import pytest
from tests.refusals import holds

from afunet.geometry import Volume
from afunet.inference.cleanup import CleanUpRules, clean_up
from afunet.reconstruction import pieces
from afunet.reconstruction.pieces import find_pieces
from afunet.workflows.case_report import bone_facts, piece_facts, piece_findings


def three_specks() -> Volume:
    voxels = np.zeros((3, 3, 30), dtype=np.uint8)
    voxels[1, 1, 2:28:10] = 1
    return Volume(voxels, np.eye(4))


def test_pieces_that_all_have_a_surface_are_nothing_to_note() -> None:
    found = find_pieces(three_specks())
    assert piece_findings(found) == []
    assert [piece.name for piece in piece_facts(found)] == ["piece 1", "piece 2", "piece 3"]


def test_very_many_pieces_are_a_warning(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pieces, "MOST_PIECES", 2)
    (finding,) = piece_findings(find_pieces(three_specks()))
    assert finding.code == "MANY_PIECES"
    assert holds(finding.message, 3, 2)


def test_the_pieces_are_one_notion_and_add_up_to_the_bone() -> None:
    """Two bones that hang together by one voxel are one component and two pieces."""
    voxels = np.zeros((40, 30, 30), dtype=np.uint8)
    voxels[2:18, 5:25, 5:25] = 1
    voxels[18:20, 14:16, 14:16] = 1
    voxels[20:38, 5:25, 5:25] = 1
    scan = Volume(np.where(voxels, 900, 50).astype(np.int16), np.diag([0.8, 0.8, 1.5, 1]))
    rules = CleanUpRules()
    mask, cleaned = clean_up(scan.with_voxels(voxels), scan, rules)
    found = find_pieces(mask, scan)
    bone, parts = bone_facts(mask, cleaned, rules, found), piece_facts(found)
    assert cleaned.pieces_kept == 1
    assert bone.pieces == len(parts) == 2
    assert sum(one.volume_mm3 for one in parts) == pytest.approx(1000 * bone.volume_cm3)
    assert bone.smallest_piece_mm3 == pytest.approx(min(one.volume_mm3 for one in parts))
    assert not {"pieces_kept", "smallest_kept_mm3"} & set(bone.cleanup)


def test_pieces_without_measures_are_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pieces, "MOST_PIECES", 2)
    mask, rules = three_specks(), CleanUpRules(speck_mm3=0)
    cleaned = clean_up(mask, mask, rules)[1]
    assert bone_facts(mask, cleaned, rules, find_pieces(mask)).pieces == 3


def test_no_bone_is_no_piece() -> None:
    mask, rules = three_specks(), CleanUpRules()
    empty = mask.with_voxels(mask.voxels * 0)
    bone = bone_facts(empty, clean_up(empty, mask, rules)[1], rules, find_pieces(empty))
    assert (bone.pieces, bone.smallest_piece_mm3, bone.volume_cm3) == (0, 0, 0)
