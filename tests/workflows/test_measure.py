import json
import os
from pathlib import Path

import numpy as np
import pytest
import trimesh
from tests.refusals import refused

from afunet.errors import InputError
from afunet.formats.mesh_files import write_ply, write_stl
from afunet.formats.nifti import write_nifti
from afunet.formats.seg_nrrd import write_seg_nrrd
from afunet.formats.segments import Segment
from afunet.geometry import Mesh, Volume
from afunet.landmarks.femur import CUT, FEMUR_MEASURES, HEAD_DIAMETER, NO_HEAD, VERSION_NECK
from afunet.landmarks.pelvis import NO_PELVIS, PELVIS_MEASURES
from afunet.phantom.skeleton.mesh_bones import load_limb
from afunet.workflows.measure import MEASURES_JSON, measure
from afunet.workflows.reconstruct import reconstruct

LIMB = Path(os.environ.get("AFUNET_DATA", "../shared/data")) / "shapes-llp26" / "sample05.npz"


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("afunet.landmarks.spread.REPEATS", 2)
    monkeypatch.setattr("afunet.landmarks.spread.POINTS", 20_000)


def box(path: Path, size: tuple[float, float, float] = (30, 40, 400)) -> None:
    solid = trimesh.creation.box(size)
    write_stl(Mesh(solid.vertices, solid.faces), path)


@pytest.mark.usefixtures("quick")
def test_what_is_no_femur_and_no_pelvis_shows_nothing_and_says_why(tmp_path: Path) -> None:
    meshes = tmp_path / "meshes"
    meshes.mkdir()
    for name in ("left-femur", "Hip_left", "sacrum", "Mr Somebody"):
        box(meshes / f"{name}.stl")
    measure(meshes, tmp_path / "out")
    text = (tmp_path / "out" / MEASURES_JSON).read_text()
    content = json.loads(text)
    assert content["landmarks"] == {"left femur": {}, "pelvis": {}}
    rows = content["angles"]
    assert len(rows) == len(FEMUR_MEASURES) + len(PELVIS_MEASURES)
    assert {row["not_shown"] for row in rows} == {NO_HEAD, NO_PELVIS}
    assert {row["value"] for row in rows} == {None}
    assert "Somebody" not in text


@pytest.mark.usefixtures("quick")
def test_a_femur_in_two_pieces_and_one_without_a_side_show_nothing(tmp_path: Path) -> None:
    for name in ("left femur 1", "left femur 2", "femur"):
        box(tmp_path / f"{name}.stl")
    done = measure(tmp_path, tmp_path / "out")
    assert [str(name) for name in done.bones] == ["femur", "left femur"]
    assert all(not spread.found.measures for spread in done.bones.values())
    assert all(len(spread.found.missing) == len(FEMUR_MEASURES) for spread in done.bones.values())


def test_a_folder_without_meshes_and_one_without_names_are_refused(tmp_path: Path) -> None:
    with refused(InputError, "NO_SUCH_PATH", "nowhere"):
        measure(tmp_path / "nowhere", tmp_path / "out")
    (tmp_path / "in").mkdir()
    with refused(InputError, "NO_MESHES", "in"):
        measure(tmp_path / "in", tmp_path / "out")
    box(tmp_path / "in" / "tooth.stl")
    with refused(InputError, "NO_NAMED_BONE", "in", "femur", "pelvis"):
        measure(tmp_path / "in", tmp_path / "out")


def test_a_mask_without_names_is_refused(tmp_path: Path) -> None:
    write_nifti(Volume(np.ones((4, 5, 6), np.uint8), np.eye(4)), tmp_path / "mask.nii.gz")
    with refused(InputError, "NO_NAMED_BONE", "mask.nii.gz"):
        measure(tmp_path / "mask.nii.gz", tmp_path / "out")
    assert not (tmp_path / "out").exists()


@pytest.mark.usefixtures("quick", "small_pictures")
def test_named_segments_and_the_results_of_reconstruct_give_the_same_bones(tmp_path: Path) -> None:
    voxels = np.zeros((50, 12, 30), np.uint8)
    voxels[2:48, 3:9, 3:9], voxels[2:48, 3:9, 18:24] = 1, 2
    labels = Volume(voxels, np.diag([4.0, 4.0, 8.0, 1.0]))
    path = tmp_path / "bones.seg.nrrd"
    write_seg_nrrd(labels, [Segment(1, "Femur_R"), Segment(2, "left femur")], path)
    reconstruct(path, tmp_path / "out")
    for source in (path, tmp_path / "out", tmp_path / "out" / "instances.nii.gz"):
        done = measure(source, tmp_path / "measured")
        assert {str(name) for name in done.bones} == {"left femur", "right femur"}
        for spread in done.bones.values():
            assert spread.found.missing == dict.fromkeys(FEMUR_MEASURES, NO_HEAD)


@pytest.mark.skipif(not LIMB.is_file(), reason="needs shapes-llp26 below AFUNET_DATA")
@pytest.mark.usefixtures("quick")
def test_both_sides_have_the_same_values_and_mirrored_landmarks(tmp_path: Path) -> None:
    meshes = tmp_path / "meshes"
    meshes.mkdir()
    left = load_limb(LIMB, "left")["femur left"]
    write_ply(left, meshes / "left-femur.ply")
    write_ply(left.transformed(np.diag([-1.0, 1, 1, 1])), meshes / "Femur_R.ply")
    measure(meshes, tmp_path / "out")
    content = json.loads((tmp_path / "out" / MEASURES_JSON).read_text())
    at = content["landmarks"]
    rim = {"Inferior Femoral Head (IFH)"}  # on the rim of the head: found or not
    assert set(at["left femur"]) - rim == set(at["right femur"]) - rim
    for name in set(at["left femur"]) - rim:
        landmark = at["left femur"][name]
        mirrored = np.array(landmark["lps_mm"]) * (-1, 1, 1)
        assert np.linalg.norm(mirrored - at["right femur"][name]["lps_mm"]) < 3, name
        assert landmark["sd_mm"] > 0
    both = {row["side"]: row for row in content["angles"] if row["name"] == VERSION_NECK.name}
    assert both["left"]["value"] == pytest.approx(both["right"]["value"], abs=1)
    low, high = both["left"]["interval"]
    assert low < both["left"]["value"] < high


@pytest.mark.skipif(not LIMB.is_file(), reason="needs shapes-llp26 below AFUNET_DATA")
@pytest.mark.usefixtures("quick")
def test_half_a_femur_shows_its_head_and_says_that_it_is_cut(tmp_path: Path) -> None:
    femur = load_limb(LIMB, "left")["femur left"]
    low, high = femur.bounds_mm()
    vertices = femur.vertices_mm.copy()
    vertices[:, 2] = np.maximum(vertices[:, 2], (low[2] + high[2]) / 2)
    write_ply(Mesh(vertices, femur.faces), tmp_path / "left-femur.ply")
    (spread,) = measure(tmp_path, tmp_path / "out").bones.values()
    assert list(spread.found.measures) == [HEAD_DIAMETER]
    assert set(spread.found.missing.values()) == {CUT}
