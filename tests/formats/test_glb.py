"""GLB files read by trimesh."""

import json
import struct

import numpy as np
import pytest
import trimesh
from tests.refusals import refused

from afunet.errors import OutputError
from afunet.formats.glb import Part, write_glb
from afunet.geometry import Mesh

CORNERS = np.array([[10.0, 20, 1000], [40, 20, 1000], [10, 60, 1000], [10, 20, 1100]])
FACES = np.array([[0, 2, 1], [0, 1, 3], [0, 3, 2], [1, 2, 3]])
PARTS = (
    Part("piece 1", Mesh(CORNERS, FACES), (236, 222, 192)),
    Part("piece 2", Mesh(CORNERS + np.array([100, 0, 0]), FACES), (86, 180, 233)),
    Part("nothing", Mesh(np.zeros((0, 3)), np.zeros((0, 3), dtype=np.int64)), (0, 0, 0)),
)


def test_parts_are_nodes_in_metres_with_the_head_up_and_the_front_towards_the_viewer(tmp_path):
    write_glb(PARTS, tmp_path / "bones.glb")
    scene = trimesh.load(tmp_path / "bones.glb")
    assert set(scene.geometry) == {"piece 1", "piece 2"}
    first = scene.geometry["piece 1"]
    np.testing.assert_allclose(first.bounds, [[0.01, 1.0, -0.06], [0.04, 1.1, -0.02]], atol=1e-6)
    assert first.is_watertight
    assert first.volume == pytest.approx(PARTS[0].mesh.volume_mm3 * 1e-9, rel=1e-4)
    assert "unit m" in scene.metadata["frame"]


def test_colours_are_linear_as_gltf_asks_for(tmp_path):
    write_glb(PARTS, tmp_path / "bones.glb")
    scene = trimesh.load(tmp_path / "bones.glb")
    shown = np.array(scene.geometry["piece 2"].visual.material.baseColorFactor[:3]) / 255
    np.testing.assert_allclose(shown ** (1 / 2.2) * 255, (86, 180, 233), atol=3)


def test_a_place_that_cannot_be_written_is_one_line(tmp_path):
    (tmp_path / "file").write_text("in the way")
    with refused(OutputError, "EEXIST", "bones.glb"):
        write_glb(PARTS, tmp_path / "file" / "bones.glb")


def test_no_part_at_all_gives_a_valid_file(tmp_path):
    write_glb((), tmp_path / "bones.glb")
    content = (tmp_path / "bones.glb").read_bytes()
    magic, version, length, chunk, kind = struct.unpack("<4sIIII", content[:20])
    assert (magic, version, length, kind) == (b"glTF", 2, len(content), 0x4E4F534A)
    assert chunk % 4 == 0
    assert json.loads(content[20 : 20 + chunk]) == {"asset": {"version": "2.0"}}
