"""Fragments that touch, from a mask with its scan to titles, findings and pieces.json."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from tests.fragments.test_part_bone import BONE, DARK, NETWORK, bar, bone

from afunet.anatomy.bones import Bone, Side
from afunet.anatomy.names import BoneName, NamedLabels
from afunet.fragments import named_bones, part_bone
from afunet.fragments.cut_rules import CutRules
from afunet.geometry import Volume
from afunet.reconstruction.pieces import Instances
from afunet.report.case.findings import piece_findings
from afunet.workflows import dividing
from afunet.workflows.attempts import Attempts
from afunet.workflows.dividing import Dividing

PELVIS = BoneName(Bone.PELVIS, Side.LEFT, 0.9, 0.9)


@pytest.fixture(autouse=True)
def dark_is_contact(monkeypatch: pytest.MonkeyPatch) -> None:
    """All bone is the left hip bone, and the package's network takes dark bone for contact."""

    def all_pelvis(labels: Volume, *, sides_known: bool) -> NamedLabels:
        return NamedLabels(labels, (PELVIS,) * int(labels.voxels.max()))

    monkeypatch.setattr(dividing, "name_pieces", all_pelvis)
    monkeypatch.setattr(dividing, "are_contacts_shipped", lambda: True)
    monkeypatch.setattr(part_bone, "shipped_contacts", lambda: NETWORK)


def divided(hu: np.ndarray | None) -> Instances:
    attempts = Attempts()
    found = Dividing(attempts, None, None, named_bones.UNWATCHED).pieces(
        bone(bar()[0]), None if hu is None else bone(hu), spacing_known=True, sides_known=True
    )
    assert not attempts.missing
    return found


def test_fragments_that_touch_are_numbered() -> None:
    _, hu = bar()
    hu[:, :, 40:42] = DARK
    found = divided(hu)
    assert [piece.name for piece in found.pieces] == ["left pelvis 1", "left pelvis 2"]
    assert [piece.rank for piece in found.pieces] == [1, 2]
    ((cut,),) = (found.cuts,)
    assert (cut.one, cut.other) == (1, 2)
    assert not piece_findings(found)


def test_a_whole_bone_keeps_its_name_and_one_title() -> None:
    assert [piece.name for piece in divided(bar()[1]).pieces] == ["left pelvis"]


def test_without_a_scan_all_is_as_the_mask_alone_shows() -> None:
    found = divided(None)
    assert [piece.name for piece in found.pieces] == ["left pelvis"]
    assert not found.cuts


def test_a_line_that_ends_in_the_bone_is_a_finding_with_its_place(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    rules = replace(CutRules(), suspected=0.005)
    monkeypatch.setattr(part_bone, "CutRules", lambda: rules)
    _, hu = bar()
    hu[:11, :, 40:42] = DARK
    assert hu.max() == BONE
    found = divided(hu)
    assert len(found.pieces) == 1
    (finding,) = piece_findings(found)
    assert finding.code == "FRACTURE_SUSPECTED"
    assert "left pelvis" in finding.message
    index = round(float(found.labels.to_indices(found.suspected[0].cut.centre_mm)[2]))
    assert f"slice {index + 1}," in finding.message
    assert 2 <= index < 22
