"""Pieces with their surfaces, and masks that fall into very many."""

import json
from dataclasses import asdict

import numpy as np
import pytest

from afunet.anatomy.bones import Bone, Side
from afunet.anatomy.names import BoneName, NamedLabels
from afunet.geometry import Volume
from afunet.reconstruction import pieces as module
from afunet.reconstruction.displacement import IN_PLACE
from afunet.reconstruction.instances import split_instances
from afunet.reconstruction.pieces import measure_pieces


def pieces_of(mask):
    """The pieces that a mask falls into, none of them with a name."""
    return measure_pieces(NamedLabels.unnamed(split_instances(mask)))


def blocks(*sizes):
    """Blocks of so many voxels a side, 4 mm apart along the row."""
    voxels = np.zeros((max(sizes, default=1) + 4, 16, 16 * max(len(sizes), 1)), dtype=np.uint8)
    for number, size in enumerate(sizes):
        start = 2 + 14 * number
        voxels[2 : 2 + size, 2 : 2 + size, start : start + size] = 1
    return Volume(voxels, np.diag([1.0, 1.0, 2.0, 1.0]))


def test_each_piece_has_its_measures_its_surface_and_its_neighbour():
    found = pieces_of(blocks(6, 10, 8))
    assert [piece.name for piece in found.pieces] == ["piece 1", "piece 2", "piece 3"]
    assert [piece.measures.volume_mm3 for piece in found.pieces] == [2000.0, 1024.0, 432.0]
    for piece, surface in zip(found.pieces, found.surfaces, strict=True):
        assert piece.watertight
        assert piece.deviation.open_edges == 0
        assert piece.area_mm2 == surface.area_mm2
        assert surface.volume_mm3 == pytest.approx(piece.measures.volume_mm3, rel=0.05)
    assert [piece.nearest for piece in found.pieces] == ["piece 2", "piece 1", "piece 1"]
    assert all(3 < piece.gap_mm < 9 for piece in found.pieces)
    assert found.not_measured == 0


def test_a_piece_is_one_flat_table_in_json():
    (only,) = pieces_of(blocks(6)).pieces
    table = only.to_json()
    assert json.loads(json.dumps(table)) | {"deviation_mm": None} == {
        "name": "piece 1",
        "bone": "unknown",
        "side": "",
        "sureness": 0.0,
        "side_sureness": 0.0,
        "rank": 1,
        "label": 1,
        "volume_mm3": 432.0,
        "length_mm": 12.0,
        "extent_mm": [12.0, 6.0, 6.0],
        "centre_mm": [4.5, 4.5, 9.0],
        "lowest_mm": [2.0, 2.0, 4.0],
        "highest_mm": [7.0, 7.0, 14.0],
        "mean_hu": None,
        "low_hu": None,
        "high_hu": None,
        "area_mm2": only.area_mm2,
        "nearest": "",
        "gap_mm": None,
        "deviation_mm": None,
        "volume_change": only.deviation.volume_change,
        "triangles": only.deviation.triangles,
        "open_edges": 0,
        "nonmanifold_edges": 0,
        "watertight": True,
        **asdict(IN_PLACE),
    }
    apart = only.deviation
    assert table["deviation_mm"] == [apart.mean_mm, apart.p95_mm, apart.largest_mm]


def test_of_very_many_the_largest_are_measured_and_all_have_a_label(monkeypatch):
    monkeypatch.setattr(module, "MOST_PIECES", 2)
    found = pieces_of(blocks(6, 10, 8))
    assert len(found.pieces) == 2
    assert int(found.labels.voxels.max()) == 3
    assert found.not_measured == 1


def test_a_mask_without_bone_has_no_piece():
    nothing = pieces_of(Volume(np.zeros((3, 4, 5), dtype=np.uint8), np.eye(4)))
    assert nothing.pieces == ()
    assert nothing.not_measured == 0


def test_a_fragment_is_compared_with_the_largest_piece_of_its_bone():
    voxels = np.zeros((80, 34, 30), dtype=np.uint8)
    voxels[4:46, 5:28, 5:25], voxels[49:76, 5:28, 5:25] = 1, 2
    tibia = BoneName(Bone.TIBIA, Side.LEFT, 1.0, 1.0)
    main, fragment = measure_pieces(NamedLabels(Volume(voxels, np.eye(4)), (tibia, tibia))).pieces
    assert main.displacement == IN_PLACE
    assert fragment.displacement.fits_on == main.name == "left tibia 1"
    assert fragment.to_json()["displaced_along_mm"] == pytest.approx(3.0, abs=0.3)
    assert fragment.to_json()["fracture_gap_mm"] == pytest.approx(3.0, abs=0.3)


def test_a_broken_bone_is_compared_with_the_intact_one_of_the_other_side(monkeypatch):
    voxels = np.zeros((40, 16, 60), dtype=np.uint8)
    voxels[2:22, 3:13, 3:13], voxels[24:36, 3:13, 3:13] = 1, 3
    voxels[2:36, 3:13, 40:45] = 2
    left, right = (BoneName(Bone.TIBIA, side, 1.0, 1.0) for side in Side)
    seen = {}

    def displacements(fragments, labels, other_side):
        seen[fragments[0].title] = other_side
        return {}

    monkeypatch.setattr(module, "displacements", displacements)
    found = measure_pieces(NamedLabels(Volume(voxels, np.eye(4)), (left, right, left)))
    assert seen["left tibia 1"] is found.surfaces[1]
    assert seen["right tibia"] is None
