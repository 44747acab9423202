"""Corrections by hand of what `reconstruct` and `segment` wrote."""

import errno
import hashlib
import json
import os
import shutil
import signal
from collections.abc import Callable, Sequence
from itertools import combinations
from pathlib import Path
from threading import Lock
from typing import Any

import numpy as np
import pydicom
import pytest
from tests.refusals import refused
from tests.workflows.test_result_files import scan_of

from afunet.errors import ConfigError, GeometryError, InputError, OutputError
from afunet.formats.mesh_files import read_mesh
from afunet.formats.nifti import write_nifti
from afunet.formats.readers import read_labels, read_scan
from afunet.geometry import Volume
from afunet.reconstruction import pieces
from afunet.workflows import folder_lock
from afunet.workflows.attempts import WrittenResults
from afunet.workflows.corrected_classes import classes_of
from afunet.workflows.correcting import Paint
from afunet.workflows.edit import Edited, edit, undo
from afunet.workflows.edit_list import DoneEdit, Edit, EditKind, parted_by_hand
from afunet.workflows.edited_folder import edits_of, labels_of, version_of
from afunet.workflows.edited_pages import NOT_YET
from afunet.workflows.finish import finish
from afunet.workflows.folder_lock import alone_in
from afunet.workflows.own_files import digest_of, read_own_files
from afunet.workflows.reconstruct import reconstruct
from afunet.workflows.segment import SegmentOptions, segment
from afunet.workflows.surface_shelf import SurfaceShelf

pytestmark = pytest.mark.usefixtures("small_pictures")
JOIN, PART, ERASE, RENAME, PAINT, WHOLE = EditKind
AFFINE = np.array([[1.0, 0, 0, -50], [0, 1.0, 0, 20], [0, 0, 1.5, 300], [0, 0, 0, 1]])
SEEDS = ((-45.0, 30.0, 309.0), (-38.0, 30.0, 309.0))
"""In the first and the second half of the largest block."""
Files = dict[str, str]


def contents(folder: Path) -> Files:
    """Digests of all files but the lists."""
    paths = sorted(path for path in folder.rglob("*") if path.is_file())
    names = {path.relative_to(folder).as_posix(): path for path in paths}
    return {
        name: hashlib.sha256(path.read_bytes()).hexdigest()
        for name, path in names.items()
        if name not in (".afunet.json", "edits.json")
    }


def told(folder: Path) -> dict[str, Any]:
    path = folder / "pieces.json"
    found: dict[str, Any] = json.loads(
        (path if path.is_file() else folder / "report.json").read_text()
    )
    return found


def table(folder: Path) -> dict[int, tuple[str, float]]:
    return {row["label"]: (row["name"], row["volume_mm3"]) for row in told(folder)["pieces"]}


def labels_in(folder: Path) -> np.ndarray:
    return np.asarray(read_labels(folder / "instances.nii.gz").voxels)


@pytest.fixture
def out(tmp_path: Path) -> Path:
    """Three blocks of 960, 560 and 160 voxels of 1.5 mm³, as `reconstruct` writes them."""
    voxels = np.zeros((14, 20, 40), np.uint8)
    voxels[2:10, 5:15, 3:15] = voxels[2:10, 5:15, 20:27] = voxels[2:6, 8:13, 30:38] = 1
    write_nifti(Volume(voxels, AFFINE), tmp_path / "mask.nii.gz")
    reconstruct(tmp_path / "mask.nii.gz", tmp_path / "out", ("stl", "glb"))
    return tmp_path / "out"


def test_a_parted_piece_gets_files_and_the_others_keep_their_labels(out: Path) -> None:
    before = labels_in(out)
    done = edit(out / "pieces.json", [Edit(PART, (1,), SEEDS)])
    assert table(out) == {
        1: ("piece 1", 720.0),
        2: ("piece 2", 840.0),
        3: ("piece 3", 240.0),
        4: ("piece 4", 720.0),
    }
    after = labels_in(out)
    assert np.array_equal(after[before != 1], before[before != 1])
    assert (after[2:10, 5:15, 3:9] == 1).all()
    assert (after[2:10, 5:15, 9:15] == 4).all()
    for number, (_, mm3) in table(out).items():
        mesh = read_mesh(out / "bones" / f"piece-{number}.stl")
        assert mesh.volume_mm3 == pytest.approx(mm3, rel=0.05)
    assert set(told(out)["files"]) == {
        path.relative_to(out).as_posix() for path in done.files if "versions" not in path.parts
    }
    assert all((out / name).is_file() for name in told(out)["files"])
    assert [finding["code"] for finding in told(out)["findings"]] == ["CORRECTED"]


def test_the_list_says_what_was_done_where_and_to_which_map(out: Path) -> None:
    first = edit(out, [Edit(PART, (1,), SEEDS)])
    second = edit(out, [Edit(JOIN, (4, 2)), Edit(ERASE, (3,))], seen=first.version)
    listed = json.loads((out / "edits.json").read_text())["edits"]
    assert [(one["step"], one["edit"]["kind"], one["edit"]["pieces"]) for one in listed] == [
        (1, "part", [1]),
        (2, "join", [4, 2]),
        (2, "erase", [3]),
    ]
    assert listed[0]["edit"]["seeds_mm"] == [list(seed) for seed in SEEDS]
    assert listed[0]["made"] == [4]
    assert listed[0]["after"] == listed[1]["before"] == first.digest
    assert listed[1]["after"] == listed[2]["before"] != listed[2]["after"] == second.digest
    assert edits_of(out).edits == second.edits.edits
    assert table(out) == {1: ("piece 1", 720.0), 4: ("piece 4", 1560.0)}


def test_every_step_is_undone_to_the_very_same_files(out: Path) -> None:
    states: list[Files] = [contents(out)]
    steps = [
        [Edit(PART, (1,), SEEDS)],
        [Edit(RENAME, (1,), name="left tibia"), Edit(JOIN, (2, 3))],
        [Edit(ERASE, (2,))],
        [Edit(ERASE, (1, 4))],
    ]
    for step in steps:
        edit(out, step)
        states.append(contents(out))
        gone = states[-2].items() - states[-1].items()
        kept = {
            name.split("/", 2)[2]: digest
            for name, digest in states[-1].items()
            if name.startswith(f"versions/{len(states) - 2}/")
        }
        assert gone <= kept.items()  # nothing that was there is lost
    assert read_mesh(out / "bone.stl").is_empty
    done: Edited
    for state in reversed(states[:-1]):
        done = undo(out)
        assert contents(out) == state
    assert done.edits.edits == ()
    assert [one.step for one in done.edits.undone] == [4, 3, 2, 2, 1]
    with refused(InputError, "NOTHING_TO_UNDO"):
        undo(out)


def test_the_mask_follows_what_is_erased_and_nothing_else(out: Path) -> None:
    whole = (out / "bone.stl").read_bytes()
    edit(out, [Edit(PART, (1,), SEEDS)])
    assert (out / "bone.stl").read_bytes() == whole
    edit(out, [Edit(ERASE, (4,))])
    assert read_mesh(out / "bone.stl").volume_mm3 == pytest.approx(720 + 840 + 240, rel=0.05)


def test_a_part_inherits_the_name_and_fragments_are_numbered_from_the_largest(out: Path) -> None:
    edit(out, [Edit(RENAME, (1,), name="Left  Tibia"), Edit(PART, (1,), (SEEDS[0], SEEDS[1]))])
    edit(out, [Edit(JOIN, (4, 3))])
    rows = {row["label"]: row for row in told(out)["pieces"]}
    assert (rows[1]["bone"], rows[1]["side"], rows[1]["sureness"]) == ("tibia", "left", 1.0)
    assert (rows[4]["bone"], rows[4]["side"]) == ("tibia", "left")
    assert {rows[1]["name"], rows[4]["name"]} == {"left tibia 1", "left tibia 2"}
    assert [row["label"] for row in told(out)["pieces"]] == [4, 2, 1]
    assert rows[1]["touching_mm2"] > 0  # the fragments are measured against each other
    assert labels_of(out, ("left tibia 1", "2", "LEFT-TIBIA-2")) == (4, 2, 1)
    assert (out / "bones" / "left-tibia-1.stl").is_file()
    edit(out, [Edit(RENAME, (4,), name="left fibula")])
    assert {name for name, _ in table(out).values()} == {"left tibia", "left fibula", "piece 2"}


def test_pairs_parted_by_hand_follow_what_is_joined() -> None:
    def done(kind: EditKind, *pieces: int, made: tuple[int, ...] = ()) -> DoneEdit:
        return DoneEdit(Edit(kind, pieces), 1, "", "", "", "", made)

    parts = [done(PART, 1, made=(4, 5)), done(PART, 2, made=(6,))]
    assert parted_by_hand(parts) == {(1, 4), (1, 5), (4, 5), (2, 6)}
    assert parted_by_hand([*parts, done(JOIN, 6, 5)]) == set(combinations((1, 2, 4, 6), 2))
    assert parted_by_hand([parts[0], done(JOIN, 1, 4, 5)]) == set()
    assert parted_by_hand([done(ERASE, 1), done(RENAME, 2)]) == set()


def test_findings_on_pieces_are_those_of_now(out: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pieces, "MOST_PIECES", 3)
    edit(out, [Edit(PART, (1,), SEEDS)])
    assert [one["code"] for one in told(out)["findings"]] == ["CORRECTED", "MANY_PIECES"]
    edit(out, [Edit(ERASE, (3,))])
    assert [one["code"] for one in told(out)["findings"]] == ["CORRECTED"]


@pytest.mark.parametrize("lost", ["instances.nii.gz", "pieces.json"])
def test_without_room_for_label_map_or_table_nothing_is_changed(
    out: Path, lost: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    state, write = contents(out), WrittenResults.write

    def full(self: WrittenResults, what: str, writer: Callable[[Path], Sequence[str]]) -> None:
        def refuse(folder: Path) -> Sequence[str]:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

        write(self, what, refuse if what == lost else writer)

    monkeypatch.setattr(WrittenResults, "write", full)
    with refused(OutputError, "DISK_FULL", lost):
        edit(out, [Edit(ERASE, (3,))])
    assert contents(out) == state


def test_a_correction_that_was_killed_is_taken_back_by_whoever_looks_next(out: Path) -> None:
    older, replace = contents(out), os.replace
    process = os.fork()
    if process == 0:

        def kill(source: Path, place: Path) -> None:
            replace(source, place)
            if Path(place) == out / "edits.json":
                os.kill(os.getpid(), signal.SIGKILL)

        os.replace = kill  # type: ignore[assignment]
        edit(out, [Edit(ERASE, (3,))])
        os._exit(0)
    assert os.WIFSIGNALED(os.waitpid(process, 0)[1])
    assert not (out / "pieces.json").exists()
    assert edits_of(out / "pieces.json").edits == ()
    assert older.items() <= contents(out).items()
    edit(out, [Edit(ERASE, (3,))])
    undo(out)
    assert contents(out) == older  # nor is the lock of the killed run there


def test_a_new_run_does_not_replace_corrections(out: Path) -> None:
    edit(out, [Edit(ERASE, (3,))])
    with refused(OutputError, "CORRECTED_BY_HAND", 1):
        reconstruct(out.parent / "mask.nii.gz", out)
    undo(out)
    reconstruct(out.parent / "mask.nii.gz", out)
    assert not (out / "edits.json").exists()


def test_what_is_refused_changes_nothing(out: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    edit(out, [Edit(ERASE, (3,))])
    state = contents(out)
    with refused(InputError, "LABEL_UNKNOWN", 3):
        edit(out, [Edit(JOIN, (1, 2)), Edit(JOIN, (1, 3))])
    with refused(InputError, "SEED_OUTSIDE", "seed 2"):
        edit(out, [Edit(PART, (1,), (SEEDS[0], (0.0, 0.0, 0.0)))])
    with refused(InputError, "SEEDS_COINCIDE"):
        edit(out, [Edit(PART, (1,), (SEEDS[0], SEEDS[0]))])
    with refused(InputError, "EDITED_MEANWHILE"):
        edit(out, [Edit(ERASE, (1,))], seen="0" * 64)
    with refused(InputError, "NOTHING_GIVEN"):
        edit(out, [])
    with refused(ConfigError, "UNKNOWN_NAME", "Jane Doe"):
        edit(out, [Edit(RENAME, (1,), name="Jane Doe")])
    with refused(ConfigError, "UNKNOWN_NAME"):
        edit(out, [Edit(RENAME, (1,), name="left vertebra")])
    with refused(ConfigError, "PIECES_MISCOUNTED", 2):
        Edit(PART, (1, 2), SEEDS)
    for name in ("right femur", "9" * 5000):
        with refused(InputError, "UNKNOWN_NAME", name, "1 (piece 1)"):
            labels_of(out, [name])
    monkeypatch.setattr(folder_lock, "WAIT_SECONDS", 0.1)
    with alone_in(out / "edits.json"), refused(OutputError, "FOLDER_IN_USE"):
        edit(out, [Edit(ERASE, (1,))])
    assert contents(out) == state
    assert not [path for path in out.parent.iterdir() if path.name.startswith(".afunet")]


def test_results_of_two_cases_are_not_mixed(out: Path, tmp_path: Path) -> None:
    edit(out, [Edit(PART, (1,), SEEDS)])
    other = tmp_path / "other"
    shutil.copytree(out, other)
    undo(other)
    (other / "edits.json").unlink()
    shutil.copy(out / "edits.json", other / "edits.json")
    with refused(InputError, "OTHER_CASE"):
        undo(other)
    shutil.copy(other / "instances.nii.gz", out / "instances.nii.gz")
    with refused(InputError, "OTHER_CASE", "piece 1", "1440 mm³"):
        edit(out, [Edit(ERASE, (1,))])


@pytest.mark.parametrize(
    ("name", "text", "code"),
    [
        ("pieces.json", "[]", "NOT_PIECES"),
        ("pieces.json", "no json", "NOT_PIECES"),
        ("pieces.json", '{"pieces": [{}], "findings": [], "files": []}', "NOT_PIECES"),
        (
            "pieces.json",
            '{"pieces": [], "findings": [], "files": ["../x"], "not_written": []}',
            "NOT_PIECES",
        ),
        ("report.json", '{"pieces": [], "findings": [], "files": []}', "NOT_PIECES"),
        ("plan.json", "{}", "NOT_PIECES"),
        ("edits.json", '{"edits": [{"step": "x"}], "undone": []}', "FILE_BROKEN"),
    ],
)
def test_a_file_of_another_kind_is_refused(out: Path, name: str, text: str, code: str) -> None:
    (out / name).write_text(text)
    path = out / ("pieces.json" if name == "edits.json" else name)
    with refused(InputError, code, name):
        edit(path, [Edit(ERASE, (1,))])


def test_a_path_without_results_is_refused(out: Path) -> None:
    with refused(InputError, "NO_SUCH_PATH", "nothing"):
        undo(out / "nothing")
    (out / "report.json").write_text("{}")
    with refused(InputError, "SEVERAL_FILES", "report.json", "pieces.json"):
        undo(out)
    (out / "instances.nii.gz").unlink()
    with refused(InputError, "NO_SUCH_PATH", "instances.nii.gz"):
        edit(out / "pieces.json", [Edit(ERASE, (1,))])


def test_a_list_cannot_lead_out_of_the_folder(out: Path) -> None:
    edit(out, [Edit(ERASE, (3,))])
    content = json.loads((out / "edits.json").read_text())
    content["edits"][0]["replaced"] = ["../mask.nii.gz"]
    (out / "edits.json").write_text(json.dumps(content))
    with refused(InputError, "FILE_BROKEN"):
        undo(out)
    assert (out.parent / "mask.nii.gz").is_file()


def test_without_its_version_a_step_stays(out: Path) -> None:
    edit(out, [Edit(ERASE, (3,))])
    (out / "versions/0/pieces.json").unlink()
    with refused(InputError, "NO_SUCH_PATH", "pieces.json", "versions/0"):
        undo(out)
    assert sorted(table(out)) == [1, 2]


def test_a_result_that_another_program_changed_is_not_lost(out: Path) -> None:
    (out / "scene.png").write_bytes(b"mine")
    with refused(OutputError, "RESULT_CHANGED", "scene.png"):
        edit(out, [Edit(ERASE, (1,))])
    assert (out / "scene.png").read_bytes() == b"mine"


@pytest.fixture
def case(tmp_path: Path, write_dicom: Callable[..., Path], weights: Path) -> tuple[Path, Path]:
    """The folders of a scan of three cubes, and of what `segment` made of it."""
    ct = write_dicom(tmp_path / "ct", scan_of(3))
    formats = ("nifti", "nrrd", "stl", "seg", "rtstruct")
    segment(ct, tmp_path / "out", SegmentOptions(weights=weights, formats=formats))
    return ct, tmp_path / "out"


def algorithm_types(folder: Path) -> set[str]:
    seg = pydicom.dcmread(folder / "segmentation.dcm")
    structures = pydicom.dcmread(folder / "structures.dcm")
    return {one.SegmentAlgorithmType for one in seg.SegmentSequence} | {
        one.ROIGenerationAlgorithm for one in structures.StructureSetROISequence
    }


def test_a_segmented_case_is_made_again_and_marked(case: tuple[Path, Path]) -> None:
    ct, out = case
    scan, before = read_scan(ct), told(out)
    assert algorithm_types(out) == {"AUTOMATIC"}
    state = contents(out)
    assert len(before["pieces"]) == 3
    edit(out, [Edit(RENAME, (2,), name="right femur"), Edit(ERASE, (3,))], scan=scan)
    after = told(out)
    assert algorithm_types(out) == {"SEMIAUTOMATIC"}
    names = [one.SegmentLabel for one in pydicom.dcmread(out / "segmentation.dcm").SegmentSequence]
    assert names == ["bone", "right femur"]
    assert set(np.unique(labels_in(out))) == {0, 1, 2}
    assert np.array_equal(read_labels(out / "mask.nrrd").voxels > 0, labels_in(out) > 0)
    assert np.array_equal(read_labels(out / "instances.nrrd").voxels, labels_in(out))
    assert after["bone"]["pieces"] == 2
    assert after["bone"]["volume_cm3"] < before["bone"]["volume_cm3"]
    assert after["surface"]["enclosed_cm3"] < before["surface"]["enclosed_cm3"]
    assert [row["mean_hu"] for row in after["pieces"]] == pytest.approx(
        [row["mean_hu"] for row in before["pieces"][:2]]
    )
    assert {one["label"] for one in after["confidence"]["pieces"]} == {1, 2}
    for key in ("source", "grid", "model", "run", "case", "disclaimer"):
        assert after[key] == before[key]
    assert after["findings"][0]["code"] == "CORRECTED"
    page = (out / "report.html").read_text()
    assert page.index('id="corrected"') < page.index('class="figures"')
    assert "right femur" in page
    assert page.count("<img") == (out.parent / "out" / "versions/0/report.html").read_text().count(
        "<img"
    ) - len(before["flags"]) + len(after["flags"])
    undo(out)
    assert contents(out) == state


def test_the_flag_of_a_suspicion_follows_its_bone_until_someone_looked(
    case: tuple[Path, Path],
) -> None:
    ct, out = case
    scan = read_scan(ct)
    before = told(out)
    box = np.argwhere(labels_in(out) == 2)
    centre = read_labels(out / "instances.nii.gz").to_mm(box.mean(axis=0)[::-1]).tolist()
    flag = {"code": "FRACTURE_SUSPECTED", "severity": "warning", "message": "look", "slice": 7}
    more = {"piece": 2, "box": [1, 2, 3, 4], "doubtful_mm3": 900.0, "centre_mm": centre}
    content = before | {"suspected": [cut_of(2, 2) | {"centre_mm": centre}]}
    content["flags"] = [*before["flags"], flag | more]
    (out / "report.json").write_text(json.dumps(content))
    accept(out, "report.json")
    edit(out, [Edit(RENAME, (2,), name="right femur"), Edit(ERASE, (3,))], scan=scan)
    (found,) = (one for one in told(out)["flags"] if one["code"] == "FRACTURE_SUSPECTED")
    assert found == flag | more | {"message": found["message"]}
    assert all(fact in found["message"] for fact in ("right femur", "slice 7", "0.40", "0.3 cm²"))
    assert "FRACTURE_SUSPECTED" not in {one["code"] for one in told(out)["findings"]}
    assert "FRACTURE_SUSPECTED" in (out / "report.html").read_text()
    edit(out, [Edit(WHOLE, (2,))], scan=scan)
    assert told(out)["suspected"] == []
    assert told(out)["flags"] == [one for one in before["flags"] if one["piece"] != 3]
    assert "FRACTURE_SUSPECTED" not in (out / "report.html").read_text()


def test_paint_is_in_the_dicom_results_of_a_segmented_case(case: tuple[Path, Path]) -> None:
    ct, out = case
    state, before = contents(out), labels_in(out)
    level, row, column = np.argwhere(before == 1)[0]
    slab = before[level - 2 : level].copy()
    slab[:, row : row + 4, column : column + 4] = 1
    done = edit(out, [Paint((level - 2, 0, 0), slab)], scan=read_scan(ct))
    assert not done.not_written
    assert done.change.voxels == 32
    mask = np.asarray(read_labels(out / "mask.nii.gz").voxels)
    assert mask.sum() == (before > 0).sum() + done.change.voxels
    seg = pydicom.dcmread(out / "segmentation.dcm").pixel_array
    assert np.count_nonzero(seg) == mask.sum()
    assert algorithm_types(out) == {"SEMIAUTOMATIC"}
    undo(out)
    assert contents(out) == state


def test_painted_bone_has_the_class_beside_it() -> None:
    bone, classes = np.zeros((3, 3, 60), bool), np.zeros((3, 3, 60), np.uint8)
    classes[1, 1, 2], classes[1, 1, 9] = 2, 3
    bone[1, 1, 1:11], bone[1, 1, 2] = True, False
    assert classes_of(bone, classes)[1, 1, 1:11].tolist() == [2, 0, 2, 2, 2, 3, 3, 3, 3, 3]
    assert classes_of(bone, classes * 0)[1, 1, 1:4].tolist() == [1, 0, 1]
    assert not classes_of(bone & False, classes).any()


def test_without_the_scan_only_what_needs_it_is_refused(case: tuple[Path, Path]) -> None:
    ct, out = case
    state = contents(out)
    with refused(ConfigError, "SCAN_NEEDED", "segmentation.dcm", "structures.dcm"):
        edit(out, [Edit(JOIN, (1, 2))])
    with refused(GeometryError, "OTHER_GRID"):
        scan = read_scan(ct)
        edit(out, [Edit(JOIN, (1, 2))], scan=type(scan)(scan_of(2), scan.source))
    assert contents(out) == state


def test_the_scan_of_another_study_is_refused(
    case: tuple[Path, Path], tmp_path: Path, write_dicom: Callable[..., Path]
) -> None:
    other = read_scan(write_dicom(tmp_path / "other", scan_of(3), seed=1))
    with refused(InputError, "OTHER_CASE", "segmentation.dcm"):
        edit(case[1], [Edit(JOIN, (1, 2))], scan=other)


def test_densities_of_unchanged_pieces_stay_without_a_scan(tmp_path: Path, weights: Path) -> None:
    write_nifti(scan_of(3), tmp_path / "ct.nii.gz")
    out = tmp_path / "out"
    segment(tmp_path / "ct.nii.gz", out, SegmentOptions(weights=weights, formats=("nifti", "stl")))
    before = {row["label"]: row["mean_hu"] for row in told(out)["pieces"]}
    overlay = (out / "overlay.png").read_bytes()
    edit(out / "report.json", [Edit(JOIN, (2, 3))])
    after = {row["label"]: row["mean_hu"] for row in told(out)["pieces"]}
    assert after == {1: before[1], 2: None}
    assert (out / "overlay.png").read_bytes() == overlay
    with refused(ConfigError, "SCAN_NEEDED", "overlay.png"):
        edit(out, [Edit(ERASE, (1,))])
    edit(out, [Edit(ERASE, (1,))], scan=read_scan(tmp_path / "ct.nii.gz"))
    assert (out / "overlay.png").read_bytes() != overlay


def painted(out: Path, *, first: tuple[int, int, int], labels: np.ndarray, **more: Any) -> Edited:
    return edit(out, [Paint(first, labels)], **more)


def test_painted_voxels_are_bone_that_can_be_undone(out: Path) -> None:
    """A slab of two slices: piece 2 grows by 2 × 10 × 3 voxels of 1.5 mm³, piece 3 loses 24."""
    state, before = contents(out), labels_in(out)
    slab = before[4:6].copy()
    slab[:, 5:15, 27:30] = 2
    slab[:, 8:13, 36:38] = 0
    done = painted(out, first=(4, 0, 0), labels=slab, by="Ada")
    assert table(out) == {1: ("piece 1", 1440.0), 2: ("piece 2", 930.0), 3: ("piece 3", 210.0)}
    after = labels_in(out)
    assert np.array_equal(after[4:6], slab)
    assert np.array_equal(np.delete(after, (4, 5), 0), np.delete(before, (4, 5), 0))
    assert done.change.voxels == 80
    assert done.change.box == (slice(4, 6), slice(5, 15), slice(27, 38))
    assert read_mesh(out / "bone.stl").volume_mm3 == pytest.approx(1440 + 930 + 210, rel=0.05)
    (listed,) = json.loads((out / "edits.json").read_text())["edits"]
    assert (listed["by"], listed["edit"]["pieces"]) == ("Ada", [2, 3])
    assert listed["edit"]["box"] == [[4, 6], [5, 15], [27, 38]]
    with np.load(out / listed["painted"]) as kept:
        assert np.array_equal(kept["labels"], slab[:, 5:15, 27:38])
    edit(out, [Edit(JOIN, (1, 2))])
    assert (out / listed["painted"]).is_file()
    undo(out)
    back = undo(out, by="Grace")
    assert contents(out) == state
    assert back.change == done.change
    assert [(one.by, one.undone_by) for one in edits_of(out).undone] == [("", ""), ("Ada", "Grace")]


def test_a_painted_label_that_was_not_there_is_a_new_piece(out: Path) -> None:
    edit(out, [Edit(RENAME, (1,), name="left tibia")])
    done = edit(
        out,
        [
            Paint((2, 5, 3), np.full((8, 10, 4), 300, np.uint16)),
            Paint((2, 8, 30), np.zeros((4, 5, 8), np.uint8)),
            Edit(RENAME, (300,), name="left fibula"),
        ],
    )
    assert table(out) == {
        1: ("left tibia", 960.0),
        2: ("piece 2", 840.0),
        300: ("left fibula", 480.0),
    }
    assert [one.made for one in done.edits.edits[1:]] == [(300,), (), ()]
    assert (out / "bones" / "left-fibula.stl").is_file()
    with refused(InputError, "LABEL_UNKNOWN", 3):
        edit(out, [Edit(ERASE, (3,))])


def test_a_new_piece_is_painted_as_a_bone(out: Path) -> None:
    block = np.full((2, 3, 4), 9, np.uint8)
    done = edit(out, [Paint((0, 0, 0), block, "left patella"), Paint((12, 0, 0), block[:1])])
    assert table(out)[9] == ("left patella", 1.5 * (24 + 12))
    assert [(one.edit.name, one.made) for one in done.edits.edits] == [
        ("left patella", (9,)),
        ("", ()),
    ]
    state = contents(out)
    with refused(ConfigError, "UNKNOWN_NAME"):
        edit(out, [Paint((0, 10, 0), block, "Jane")])
    assert contents(out) == state


def test_paint_that_moves_a_border_leaves_the_mask(out: Path) -> None:
    whole = (out / "bone.stl").read_bytes()
    painted(out, first=(2, 5, 3), labels=np.full((8, 10, 4), 2, np.uint8))
    assert (out / "bone.stl").read_bytes() == whole
    assert table(out)[2][1] == 840 + 480


def test_paint_that_does_not_fit_changes_nothing(out: Path) -> None:
    state, one = contents(out), np.ones((1, 1, 1), np.uint8)
    for first, labels in [
        ((14, 0, 0), one),
        ((-1, 0, 0), one),
        ((0, 0, 39), np.ones((1, 1, 2), np.uint8)),
        ((0, 0, 0), np.ones((1, 1), np.uint8)),
        ((0, 0, 0), np.ones((0, 1, 1), np.uint8)),
        ((0, 0, 0), one.astype(np.float32)),
        ((0, 0, 0), -one.astype(np.int16)),
        ((0, 0, 0), one * np.uint32(65536)),
    ]:
        with refused(InputError, "PAINT_UNFIT"):
            painted(out, first=first, labels=labels)
    with refused(InputError, "NOTHING_GIVEN"):
        painted(out, first=(4, 8, 8), labels=one)
    with refused(ConfigError, "CONFIG_ERROR"):
        edit(out, [Edit(PAINT, (1,))])
    with refused(ConfigError, "CONFIG_ERROR", 65, 64):
        painted(out, first=(0, 0, 0), labels=one, by="x" * 65)
    assert contents(out) == state


def test_a_version_is_that_of_all_that_was_corrected(out: Path) -> None:
    """Names do not change the label map, but what the user saw."""
    versions = [version_of(out)]
    versions.append(edit(out, [Edit(RENAME, (1,), name="left tibia")], seen=versions[0]).version)
    assert versions[1] == version_of(out / "pieces.json")
    with refused(InputError, "EDITED_MEANWHILE"):
        edit(out, [Edit(RENAME, (1,), name="left femur")], seen=versions[0])
    versions.append(undo(out, seen=versions[1]).version)
    versions.append(edit(out, [Edit(RENAME, (1,), name="left femur")]).version)
    assert len(set(versions)) == 4


def test_cuts_and_suspicions_outlast_corrections_of_other_pieces(out: Path) -> None:
    """Pieces 1 and 2 become fragments of one hip bone, which no gap nor history shows."""
    edit(out, [Edit(RENAME, (1,), name="left pelvis")])
    edit(out, [Edit(RENAME, (2,), name="left pelvis")])
    suspect(out, cuts=[cut_of(1, 2)], suspected=[cut_of(2, 2)])
    edit(out, [Edit(RENAME, (3,), name="left femur")])
    assert {name for name, _ in table(out).values()} == {
        "left pelvis 1",
        "left pelvis 2",
        "left femur",
    }
    assert (told(out)["cuts"], told(out)["suspected"]) == ([cut_of(1, 2)], [cut_of(2, 2)])
    codes = [one["code"] for one in told(out)["findings"]]
    assert codes == ["CORRECTED", "FRACTURE_SUSPECTED"]
    assert "left pelvis 2" in told(out)["findings"][1]["message"]
    edit(out, [Paint((9, 5, 26), np.zeros((1, 1, 1), np.uint8))])
    assert {name for name, _ in table(out).values()} >= {"left pelvis 1", "left pelvis 2"}
    assert (told(out)["cuts"], told(out)["suspected"]) == ([], [cut_of(2, 2)])


@pytest.mark.parametrize(
    "correction",
    [
        Edit(WHOLE, (2,)),
        Edit(ERASE, (2,)),
        Edit(PART, (2,), ((-29.5, 30.0, 303.0), (-29.5, 30.0, 313.5))),
        Paint((4, 9, 20), np.full((1, 2, 2), 3, np.uint8)),
    ],
    ids=["whole", "erased", "parted there", "painted there"],
)
def test_a_suspicion_ends_with_a_correction_of_its_place(
    out: Path, correction: Edit | Paint
) -> None:
    suspect(out, suspected=[cut_of(2, 2), {**cut_of(1, 1), "centre_mm": [-41, 30.0, 309.0]}])
    edit(out, [correction])
    assert [one["one"] for one in told(out)["suspected"]] == [1]
    assert [one["code"] for one in told(out)["findings"]] == ["CORRECTED", "FRACTURE_SUSPECTED"]
    undo(out)
    assert len(told(out)["suspected"]) == 2


def test_a_suspicion_goes_with_its_bone_into_a_joined_piece(out: Path) -> None:
    place = {"centre_mm": [-25.0, 30.0, 309.0]}
    suspect(out, suspected=[cut_of(2, 2) | place])
    edit(out, [Edit(JOIN, (1, 2))])
    assert told(out)["suspected"] == [cut_of(1, 1) | place]
    edit(out, [Edit(PART, (1,), (*SEEDS, (-25.0, 30.0, 309.0)))])
    assert {one["one"] for one in told(out)["suspected"]} == {5}


def suspect(folder: Path, **cuts: Any) -> None:
    content = told(folder) | cuts
    (folder / "pieces.json").write_text(json.dumps(content))
    accept(folder, "pieces.json")


def cut_of(one: int, other: int) -> dict[str, Any]:
    place = [-30.0, 30.0, 306.0]
    return {"one": one, "other": other, "area_mm2": 30.0, "probability": 0.4, "centre_mm": place}


def accept(folder: Path, name: str) -> None:
    """Note a file that a test changed as the program's own."""
    old, new = read_own_files(folder).digest_of(name), digest_of(folder / name)
    assert old
    assert new
    path = folder / ".afunet.json"
    path.write_text(path.read_text().replace(old, new))


def quick(ct: Path, out: Path, *edits: Edit, **options: Any) -> Edited:
    return edit(out, edits, scan=read_scan(ct), pages_later=True, **options)


def pages_of(out: Path) -> set[str]:
    return {name for name in ("scene.png", "overlay.png", "report.html") if (out / name).is_file()}


def test_pages_that_are_drawn_later_are_those_drawn_at_once(
    case: tuple[Path, Path], tmp_path: Path
) -> None:
    ct, out = case
    shutil.copytree(out, other := tmp_path / "other" / "out")
    made = [Edit(RENAME, (2,), name="right femur"), Edit(ERASE, (3,))]
    for one in made:
        edit(other, [one], scan=read_scan(ct))
    shelf = SurfaceShelf(tmp_path / "shelf")
    later = {"scene.png", "overlay.png", "report.html", "bone.stl"}
    for one, left in zip(made, ({"overlay.png", "bone.stl"}, set()), strict=True):
        done = quick(ct, out, one, remember=shelf)
        assert {name for name in later if (out / name).is_file()} == left
        assert {one["format"] for one in told(out)["not_written"] if one["code"] == NOT_YET} == (
            later - left
        )
    assert finish(out, read_scan(ct), remember=shelf) == (
        "bone.stl",
        "overlay.png",
        "report.html",
        "scene.png",
    )
    assert version_of(out) == done.version
    report, at_once = told(out), told(other)
    assert set(report.pop("files")) == set(at_once.pop("files"))
    assert report == at_once
    now, then = contents(out), contents(other)
    named_anew = {"segmentation.dcm", "structures.dcm", "report.json", "report.html"}
    alike = {name for name in now if not name.startswith("versions")} - named_anew
    assert {name: now[name] for name in alike} == {name: then[name] for name in alike}
    assert finish(out, read_scan(ct)) == ()


def test_a_surface_of_all_bone_that_was_left_comes_with_the_next_edit_at_once(
    case: tuple[Path, Path], tmp_path: Path
) -> None:
    ct, out = case
    shutil.copytree(out, other := tmp_path / "other" / "out")
    state = contents(out)
    made = [Edit(ERASE, (3,)), Edit(RENAME, (2,), name="right femur")]
    for one in made:
        edit(other, [one], scan=read_scan(ct))
        quick(ct, out, one)
        assert not (out / "bone.stl").exists()
        assert told(out)["surface"]["triangles"] == 0
    last = Edit(RENAME, (1,), name="left tibia")
    for folder in (out, other):
        edit(folder, [last], scan=read_scan(ct))
    assert (out / "bone.stl").read_bytes() == (other / "bone.stl").read_bytes()
    assert told(out)["surface"] == told(other)["surface"]
    assert told(out)["findings"] == told(other)["findings"]
    assert told(out)["not_written"] == []
    undo(out)
    assert not (out / "bone.stl").exists()
    undo(out)
    undo(out)
    assert contents(out) == state


def test_a_version_is_whole_wherever_its_later_results_are_killed(
    case: tuple[Path, Path], tmp_path: Path
) -> None:
    ct, out = case
    version = quick(ct, out, Edit(ERASE, (3,))).version
    shelf, without = SurfaceShelf(tmp_path / "shelf"), contents(out)
    for move in range(1, 9):
        if not finish_killed_at(move, ct, out, shelf):
            break
        assert version_of(out) == version  # looking takes back what was killed
        left = {name: one for name, one in contents(out).items() if "lock" not in name}
        assert left == without
    else:
        pytest.fail("the moves did not end")
    assert move > 5  # bone.stl, three pages, the report and the list of files
    assert (out / "bone.stl").is_file()
    assert version_of(out) == version
    assert told(out)["not_written"] == []


def finish_killed_at(move: int, ct: Path, out: Path, shelf: SurfaceShelf) -> bool:
    """Finish in a process that is killed at a move into the folder; return whether it was."""
    process = os.fork()
    if process == 0:
        replace, moves = os.replace, list[Path]()

        def kill(source: Path, place: Path) -> None:
            if Path(place).parent == out.absolute():
                moves.append(place)
            if len(moves) == move:
                os.kill(os.getpid(), signal.SIGKILL)
            replace(source, place)

        os.replace = kill  # type: ignore[assignment]
        finish(out, read_scan(ct), remember=shelf)
        os._exit(0)
    _, status = os.waitpid(process, 0)
    assert status in (0, signal.SIGKILL)
    return status != 0


def test_limits_of_triangles_hold_for_the_surface_of_all_bone_at_once(
    case: tuple[Path, Path],
) -> None:
    ct, out = case
    quick(ct, out, Edit(ERASE, (3,)), max_triangles=20)
    assert 0 < len(read_mesh(out / "bone.stl").faces) <= 20


def test_undo_brings_back_pages_that_were_there_and_no_others(case: tuple[Path, Path]) -> None:
    ct, out = case
    state = contents(out)
    quick(ct, out, Edit(RENAME, (2,), name="right femur"))
    named = contents(out)
    quick(ct, out, Edit(ERASE, (3,)))
    finish(out, read_scan(ct))
    assert pages_of(out) == {"scene.png", "overlay.png", "report.html"}
    undo(out)
    assert contents(out) == named
    assert pages_of(out) == {"overlay.png"}
    undo(out)
    assert contents(out) == state


def test_pages_of_pieces_that_were_corrected_meanwhile_are_not_kept(
    case: tuple[Path, Path],
) -> None:
    ct, out = case
    quick(ct, out, Edit(RENAME, (2,), name="right femur"))
    first, versions = Lock(), list[str]()

    def corrected(mask: Volume, make: Callable[[], pieces.PieceSurface]) -> pieces.PieceSurface:
        if first.acquire(blocking=False):  # pieces come in threads
            versions.append(quick(ct, out, Edit(RENAME, (1,), name="left tibia")).version)
        return make()

    with refused(InputError, "EDITED_MEANWHILE"):
        finish(out, read_scan(ct), remember=corrected)
    assert [version_of(out)] == versions
    assert pages_of(out) == {"overlay.png"}
    edit(out, [Edit(RENAME, (3,), name="left fibula")], scan=read_scan(ct))
    assert pages_of(out) == {"scene.png", "overlay.png", "report.html"}
    assert told(out)["not_written"] == []
    assert "left fibula" in (out / "report.html").read_text()


def test_a_surface_is_taken_from_the_shelf_if_it_is_whole(tmp_path: Path) -> None:
    shelf, made = SurfaceShelf(tmp_path / "new"), list[int]()
    mask = Volume(np.pad(np.ones((3, 4, 5), np.uint8), 2), AFFINE)

    def make() -> pieces.PieceSurface:
        made.append(1)
        return pieces.piece_surface(mask)

    first, again = shelf(mask, make), shelf(mask, make)
    assert len(made) == 1
    assert again[1] == first[1]
    assert np.array_equal(again[0].vertices_mm, first[0].vertices_mm)
    assert np.array_equal(again[0].faces, first[0].faces)
    (kept,) = shelf.folder.iterdir()
    kept.write_bytes(kept.read_bytes()[:-200])
    shelf(mask, make)
    shelf(mask.with_voxels(mask.voxels[::-1] * mask.voxels), make)
    shelf(Volume(mask.voxels, AFFINE + np.array([[0.0, 0, 0, 1]] * 3 + [[0.0] * 4])), make)
    assert len(made) == 3
