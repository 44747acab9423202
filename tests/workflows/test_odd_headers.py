"""A series whose header breaks rules of DICOM still gives every result, and says what was done."""

import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pydicom
import pytest
from tests.refusals import holds

from afunet.geometry import Volume
from afunet.workflows.analyse import PLAN
from afunet.workflows.result_files import RESULT_FORMATS

pytestmark = pytest.mark.usefixtures("small_pictures")
SEGMENTING = next(step.name for step in PLAN if step.share == 1)
ODD = {"PatientSex": "_", "StudyTime": "10:11:12", "PatientBirthDate": "01/02/1960"}


def odd_series(write: Callable[..., Path], folder: Path, scan: Volume, **elements: Any) -> Path:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return write(folder, scan, **elements)


def test_all_formats_are_written_of_a_series_with_odd_values(
    tmp_path: Path,
    cylinder: Volume,
    weights: Path,
    write_dicom: Callable[..., Path],
    run_afunet: Callable[..., Any],
) -> None:
    ct = odd_series(write_dicom, tmp_path / "ct", cylinder, **ODD)
    looked = run_afunet("inspect", ct)
    formats = ",".join(RESULT_FORMATS)
    done = run_afunet("segment", ct, "-o", tmp_path / "out", "-w", weights, "--formats", formats)
    assert done.code == 0
    for keyword in ODD:
        for shown in (looked.out, done.out):
            assert any(keyword in line for line in shown.splitlines()), keyword
    shown = looked.out + looked.err + done.out + done.err
    assert not any(value in shown for value in ODD.values() if value != "_")
    written = {path.name for path in (tmp_path / "out").iterdir()}
    surfaces = {f"bone.{kind}" for kind in ("stl", "ply", "obj", "vtp")}
    masks = {"mask.nii.gz", "mask.nrrd", "mask.mha"}
    assert written >= {"bones.glb", "segmentation.dcm", "structures.dcm", *surfaces, *masks}
    for name in ("segmentation.dcm", "structures.dcm", "measurements.dcm", "report.dcm"):
        header = pydicom.dcmread(tmp_path / "out" / name)
        found = header.PatientSex, header.StudyTime, header.PatientBirthDate
        assert found == ("", "101112", "")


def test_slices_that_share_a_uid_cost_the_dicom_results_alone(
    tmp_path: Path,
    cylinder: Volume,
    weights: Path,
    write_dicom: Callable[..., Path],
    run_afunet: Callable[..., Any],
) -> None:
    ct = odd_series(write_dicom, tmp_path / "ct", cylinder, SOPInstanceUID="1.2.7")
    out = tmp_path / "out"
    done = run_afunet("segment", ct, "-o", out, "-w", weights, "--formats", "nifti,seg,rtstruct")
    assert done.code != 0
    assert set(done.codes) == {"REFERENCES_UNSOUND"}
    assert holds(done.err, 6, "SOPInstanceUID")
    assert "1.2.7" not in done.out + done.err
    assert (out / "mask.nii.gz").exists()
    assert not (out / "segmentation.dcm").exists()


def test_nothing_is_worked_on_where_no_result_could_come_of_it(
    tmp_path: Path,
    cylinder: Volume,
    weights: Path,
    write_dicom: Callable[..., Path],
    run_afunet: Callable[..., Any],
) -> None:
    ct = odd_series(write_dicom, tmp_path / "ct", cylinder, SOPInstanceUID="1.2.7")
    out = tmp_path / "out"
    done = run_afunet("segment", ct, "-o", out, "-w", weights, "--formats", "seg,rtstruct")
    assert done.code != 0
    done.refused_as("REFERENCES_UNSOUND", 6, "SOPInstanceUID")
    assert not any(SEGMENTING in line for line in done.progress)
    assert not out.exists()
