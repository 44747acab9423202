"""Corrections become training data: corrected masks, bones by name, and no patient."""

import csv
import json
from collections.abc import Callable
from pathlib import Path

import nibabel
import numpy as np
import pytest
from tests.refusals import refused
from tests.workflows.test_edit import ERASE, JOIN, RENAME
from tests.workflows.test_result_files import scan_of

from afunet.data.store import open_store
from afunet.errors import InputError
from afunet.formats.readers import read_labels, read_scan
from afunet.workflows.corrected_store import VALUES, CorrectedCase, export_corrected
from afunet.workflows.edit import edit
from afunet.workflows.edit_list import Edit
from afunet.workflows.prepare import prepare
from afunet.workflows.segment import SegmentOptions, segment
from afunet.workflows.undo import undo

pytestmark = pytest.mark.usefixtures("small_pictures")


@pytest.fixture
def case(tmp_path: Path, write_dicom: Callable[..., Path], weights: Path) -> Path:
    """A folder as the workbench keeps it: the scan of John Doe, and its three pieces."""
    folder = tmp_path / "Doe" / "case"
    write_dicom(folder / "input", scan_of(3), PatientName="Doe^John", PatientID="D0e-4711")
    segment(folder / "input", folder / "results", SegmentOptions(weights=weights))
    return folder


def of(case: Path) -> CorrectedCase:
    return CorrectedCase(case / "results", case / "input")


def correct(case: Path, *edits: Edit) -> None:
    edit(case / "results", edits, scan=read_scan(case / "input"))


def test_only_corrected_cases_are_exported_with_their_corrected_bones(
    case: Path, tmp_path: Path
) -> None:
    correct(case, Edit(ERASE, (3,)), Edit(RENAME, (2,), name="left tibia"))
    untouched = CorrectedCase(tmp_path / "none", case / "input")
    done = export_corrected([of(case), untouched], tmp_path / "set")
    (name,) = done.cases
    assert [item.case for item in done.left_out] == ["case 2"]
    pieces = read_labels(case / "results" / "instances.nii.gz")
    labels = read_labels(tmp_path / "set" / "labelsTr" / f"{name}.nii.gz")
    assert labels.same_grid(pieces)
    meant = np.array([0, VALUES["bone"], VALUES["tibia"]])[pieces.voxels]
    assert set(np.unique(meant)) == {0, 8, 4}
    assert np.array_equal(labels.voxels, meant)
    scan = read_scan(tmp_path / "set" / "imagesTr" / f"{name}_0000.nii.gz").volume
    assert np.array_equal(scan.voxels, read_scan(case / "input").volume.voxels)
    described = json.loads((tmp_path / "set" / "dataset.json").read_text())
    assert described["numTraining"] == 1
    assert sorted(described["labels"].values()) == list(range(9))  # nnU-Net wants no gap


def test_prepare_reads_the_export_and_the_cases_themselves_alike(
    case: Path, tmp_path: Path
) -> None:
    correct(case, Edit(JOIN, (1, 2)))
    export_corrected([of(case)], tmp_path / "set")
    found = {}
    for source, layout in ((tmp_path / "set", "nnunet"), (case.parent, "corrected")):
        prepare([source], tmp_path / layout)
        store = open_store(tmp_path / layout)
        found[layout] = [
            (entry.record.fingerprint, entry.record.status, entry.record.patient[:8])
            for entry in store.entries
        ]
        header = json.loads((tmp_path / layout / "store.json").read_text())
        assert header["layouts"] == {layout: 1}
    assert [one[:2] for one in found["nnunet"]] == [one[:2] for one in found["corrected"]]
    assert {one[1] for one in found["nnunet"]} == {"corrected"}
    assert {one[2] for one in found["nnunet"]} == {"patient-"}


def test_nothing_names_the_patient(case: Path, tmp_path: Path) -> None:
    correct(case, Edit(JOIN, (1, 2)))
    export_corrected([of(case)], tmp_path / "set")
    for path in (tmp_path / "set").rglob("*"):
        assert "Doe" not in path.relative_to(tmp_path).as_posix()
        if path.is_file():
            content = path.read_bytes()
            if path.name.endswith(".nii.gz"):
                content = bytes(nibabel.load(path).header.binaryblock)
            assert b"Doe" not in content
            assert b"4711" not in content


def test_two_scans_of_one_patient_are_of_one_patient(case: Path, tmp_path: Path) -> None:
    correct(case, Edit(JOIN, (1, 2)))
    done = export_corrected([of(case), of(case)], tmp_path / "set")
    assert done.cases[1] == f"{done.cases[0]}-2"
    with (tmp_path / "set" / "cases.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert [row["case"] for row in rows] == list(done.cases)
    assert len({row["patient"] for row in rows}) == 1


def test_what_is_undone_is_no_correction_and_nothing_is_left(case: Path, tmp_path: Path) -> None:
    correct(case, Edit(JOIN, (1, 2)))
    undo(case / "results")
    with refused(InputError, "NOTHING_USABLE") as raised:
        export_corrected([of(case)], tmp_path / "set")
    assert "Doe" not in str(raised.value)
    assert not (tmp_path / "set").exists()


def test_a_scan_of_another_place_is_left_out(
    case: Path, tmp_path: Path, write_dicom: Callable[..., Path]
) -> None:
    correct(case, Edit(JOIN, (1, 2)))
    other = CorrectedCase(case / "results", write_dicom(tmp_path / "other", scan_of(2)))
    done = export_corrected([other, of(case)], tmp_path / "set")
    assert len(done.cases) == 1
    assert [item.case for item in done.left_out] == ["case 1"]
