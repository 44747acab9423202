"""What a report says of a case's pieces as a whole."""

import numpy as np
import pytest

from afunet.geometry import Volume
from afunet.reconstruction import pieces
from afunet.reconstruction.pieces import find_pieces
from afunet.workflows.case_report import piece_facts, piece_findings


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
    assert finding.message.startswith("3 pieces, the 2 largest have a surface and measures")
