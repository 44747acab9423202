import csv
import json
import os
from pathlib import Path

import numpy as np
import pytest
import trimesh
from tests.refusals import refused

from afunet.anatomy.bones import Side
from afunet.errors import InputError
from afunet.formats.mesh_files import write_ply, write_stl
from afunet.formats.nifti import write_nifti
from afunet.formats.seg_nrrd import write_seg_nrrd
from afunet.formats.segments import Segment
from afunet.geometry import Mesh, Volume
from afunet.landmarks.both_legs import DIFFERENCES
from afunet.landmarks.femur import CUT, FEMUR_MEASURES, HEAD_DIAMETER, NO_HEAD, VERSION_NECK
from afunet.landmarks.leg import HKA, LEG_MEASURES, TORSION_MALLEOLI
from afunet.landmarks.limb import NO_SIDE
from afunet.landmarks.pelvis import NO_PELVIS, PELVIS_MEASURES
from afunet.landmarks.results import Part
from afunet.phantom.skeleton.mesh_bones import load_limb
from afunet.workflows.measure import LEGS_PAGE, measure
from afunet.workflows.measure_files import MEASURE_WRITERS
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
    text = (tmp_path / "out" / "measures.json").read_text()
    content = json.loads(text)
    assert content["landmarks"] == {"left femur": {}, "pelvis": {}}
    rows = content["angles"]
    of_bones = [row for row in rows if row["bone"] in ("femur", "pelvis")]
    assert len(of_bones) == len(FEMUR_MEASURES) + len(PELVIS_MEASURES)
    assert {row["not_shown"] for row in of_bones} == {NO_HEAD, NO_PELVIS}
    assert len(rows) == len(of_bones) + len(LEG_MEASURES) + len(DIFFERENCES)
    assert {row["value"] for row in rows} == {None}
    assert "Somebody" not in text


@pytest.mark.usefixtures("quick")
def test_a_femur_in_two_pieces_and_one_without_a_side_show_nothing(tmp_path: Path) -> None:
    for name in ("left femur 1", "left femur 2", "femur"):
        box(tmp_path / f"{name}.stl")
    done = measure(tmp_path, tmp_path / "out")
    titles = {str(part): spread.found for part, spread in done.parts.items()}
    assert set(titles) == {"femur", "left femur", "left leg", "legs"}
    assert not any(found.measures for found in titles.values())
    assert titles["femur"].missing == dict.fromkeys(FEMUR_MEASURES, NO_SIDE)
    (reason,) = set(titles["left femur"].missing.values())
    assert "2 pieces" in reason
    assert reason in titles["left leg"].missing[HKA]


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
    pieces = tmp_path / "out" / "pieces.json"
    content = json.loads(pieces.read_text())
    for code, severity in (("FRACTURE_SUSPECTED", "warning"), ("METAL", "info")):
        content["findings"].append(
            {"code": code, "severity": severity, "message": "somewhere", "action": ""}
        )
    pieces.write_text(json.dumps(content))
    for source in (path, tmp_path / "out", tmp_path / "out" / "instances.nii.gz"):
        done = measure(source, tmp_path / "measured")
        assert done.flags == (() if source == path else ("FRACTURE_SUSPECTED",))
        femora = {str(part): one.found for part, one in done.parts.items() if part.is_bone}
        assert set(femora) == {"left femur", "right femur"}
        for found in femora.values():
            assert found.missing == dict.fromkeys(FEMUR_MEASURES, NO_HEAD)


@pytest.mark.skipif(not LIMB.is_file(), reason="needs shapes-llp26 below AFUNET_DATA")
@pytest.mark.usefixtures("quick")
def test_both_sides_have_the_same_values_and_mirrored_landmarks(tmp_path: Path) -> None:
    meshes = tmp_path / "meshes"
    meshes.mkdir()
    left = load_limb(LIMB, "left")["femur left"]
    write_ply(left, meshes / "left-femur.ply")
    write_ply(left.transformed(np.diag([-1.0, 1, 1, 1])), meshes / "Femur_R.ply")
    measure(meshes, tmp_path / "out")
    content = json.loads((tmp_path / "out" / "measures.json").read_text())
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
    spread = measure(tmp_path, tmp_path / "out").parts[Part("femur", Side.LEFT)]
    assert list(spread.found.measures) == [HEAD_DIAMETER]
    assert set(spread.found.missing.values()) == {CUT}


@pytest.mark.skipif(not LIMB.is_file(), reason="needs shapes-llp26 below AFUNET_DATA")
@pytest.mark.usefixtures("quick")
def test_both_legs_are_measured_compared_and_written_for_tables_and_slicer(tmp_path: Path) -> None:
    meshes, out = tmp_path / "meshes", tmp_path / "out"
    meshes.mkdir()
    for side in ("left", "right"):
        for name, mesh in load_limb(LIMB, side).items():
            bone = name.split()[0]
            longer = np.diag([1, 1, 1.02 if side == "right" else 1, 1])
            if bone != "pelvis":
                write_ply(mesh.transformed(longer), meshes / f"{bone}_{side}.ply")
    measure(meshes, out)
    content = json.loads((out / "measures.json").read_text())
    assert {path.name for path in out.iterdir() if path.name[0] != "."} == {
        *MEASURE_WRITERS,
        LEGS_PAGE,
    }
    page = (out / LEGS_PAGE).read_text(encoding="utf-8")
    assert page.count("<svg") == 8
    assert "malleolar line" in page
    values = {(row["side"], row["bone"], row["name"]): row for row in content["angles"]}
    assert not [row for row in content["angles"] if "not_shown" in row]
    difference = values["", "legs", "difference of leg length"]
    sides = [values[side, "leg", "leg length"]["value"] for side in ("left", "right")]
    assert difference["value"] == pytest.approx(sides[0] - sides[1], abs=0.002)
    assert difference["value"] == pytest.approx(-0.02 * sides[0], rel=0.1)
    for side, outward in (("left", 1), ("right", -1)):
        axes = content["axes"][f"{side} femur"]
        assert axes["ISB X"]["direction_lps"][1] < -0.9, "X points forward"
        assert axes["ISB Y"]["direction_lps"][2] > 0.9, "Y points up"
        assert axes["ISB Z"]["direction_lps"][0] < -0.9, "Z points to the right"
        assert axes["lateral"]["direction_lps"][0] * outward > 0.9
        assert content["axes"][f"{side} tibia"]["ISB Y"]["direction_lps"][2] > 0.9
    with (out / "measures.csv").open(newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == len(content["angles"])
    assert {row["unit"] for row in rows} == {"deg", "mm", "1"}
    (torsion,) = (
        row for row in rows if row["side"] == "left" and row["name"] == TORSION_MALLEOLI.name
    )
    assert float(torsion["low"]) < float(torsion["value"]) < float(torsion["high"])
    markups = json.loads((out / "landmarks.mrk.json").read_text())["markups"]
    lists = {one["name"]: one for one in markups}
    tuberosity = content["landmarks"]["right tibia"]["Tibial Tuberosity"]["lps_mm"]
    points = {one["label"]: one["position"] for one in lists["right tibia"]["controlPoints"]}
    assert points["Tibial Tuberosity"] == tuberosity
    assert {one["coordinateSystem"] for one in markups} == {"LPS"}
