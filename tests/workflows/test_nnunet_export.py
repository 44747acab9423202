"""A store as nnU-Net's raw data, read by nnU-Net and by afunet, and masks that come back."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from tests.refusals import refused
from typer.testing import CliRunner

from afunet.data.labelled import load_labelled
from afunet.data.layouts.pair import Choice
from afunet.data.splits import SplitChoice
from afunet.errors import ConfigError, GeometryError, InputError
from afunet.formats.nifti import write_nifti
from afunet.formats.readers import read_labels
from afunet.geometry import Volume
from afunet.workflows.evaluate import evaluate_predictions
from afunet.workflows.nnunet_export import export_nnunet
from afunet.workflows.prepare import PrepareOptions, prepare

SIZE = (20, 16)
CASES = {"aL": ("a", "train"), "b": ("b", "val"), "c": ("c", "test"), "dR": ("d", "test")}
LEVELS = (2, 5, 11)  # with gaps between them


@pytest.fixture
def slices(tmp_path: Path) -> Path:
    """A slice folder: three slices a case, of noise, each with a rectangle of bone; one without."""
    folder = tmp_path / "slices"
    rng = np.random.default_rng(3)
    rows = ["case,patient,slice,split,status,labelled"]
    for case, (patient, split) in CASES.items():
        for kind in ("images", "masks"):
            (folder / case / kind).mkdir(parents=True)
        for place, level in enumerate(LEVELS):
            mask = np.zeros(SIZE, np.uint8)
            mask[3 : 3 + 4 * place, 2:7] = 1
            grey = (rng.integers(0, 99, SIZE) + 150 * mask).astype(np.uint8)
            Image.fromarray(grey).save(folder / case / "images" / f"{level:02d}.png")
            Image.fromarray(mask).save(folder / case / "masks" / f"{level:02d}.png")
            status = "checked" if level == 11 else "auto"
            rows.append(f"{case},{patient},{level},{split},{status},1")
    (folder / "slices.csv").write_text("\n".join(rows) + "\n")
    return folder


@pytest.fixture
def exported(slices: Path, tmp_path: Path) -> Path:
    return export_nnunet(slices, tmp_path / "Dataset001_Legs").folder


def test_each_case_is_a_volume_in_the_folder_of_its_split(exported: Path) -> None:
    names = {folder.name: sorted(p.name for p in folder.iterdir()) for folder in folders(exported)}
    assert names == {
        "imagesTr": ["aL_0000.nii.gz", "b_0000.nii.gz"],
        "imagesTs": ["c_0000.nii.gz", "dR_0000.nii.gz"],
        "labelsTr": ["aL.nii.gz", "b.nii.gz"],
        "labelsTs": ["c.nii.gz", "dR.nii.gz"],
    }
    assert json.loads((exported / "dataset.json").read_text()) == {
        "channel_names": {"0": "CT"},
        "labels": {"background": 0, "bone": 1},
        "numTraining": 2,
        "file_ending": ".nii.gz",
    }
    folds = json.loads((exported / "splits_final.json").read_text())
    assert folds == [{"train": ["aL"], "val": ["b"]}]


def folders(exported: Path) -> Iterator[Path]:
    return (path for path in exported.iterdir() if path.is_dir())


def test_afunet_reads_the_same_slices_from_it(exported: Path, slices: Path, tmp_path: Path) -> None:
    options = PrepareOptions(
        choice=Choice(fold=0, allowed_mm=(0.1, 9.0)), split=SplitChoice("as-given")
    )
    store = prepare([exported], tmp_path / "store", options).folder
    for split in ("train", "val"):
        ours, theirs = (load_labelled(folder, split) for folder in (slices, store))
        assert len(ours) == len(theirs) == 3
        for one, other in zip(ours, theirs, strict=True):
            assert np.array_equal(one.grey, other.grey)
            assert np.array_equal(one.mask, other.mask)


def test_nnunet_finds_nothing_wrong_with_it(
    exported: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    verify = pytest.importorskip(
        "nnunetv2.experiment_planning.verify_dataset_integrity"
    ).verify_dataset_integrity
    reader = pytest.importorskip("nnunetv2.imageio.simpleitk_reader_writer").SimpleITKIO()
    verify(str(exported), num_processes=1)
    image, _ = reader.read_images([str(exported / "imagesTr" / "aL_0000.nii.gz")])
    assert image.shape == (1, 3, *SIZE)
    assert image.min() >= -300
    assert image.max() <= 1300


def test_masks_of_another_program_are_scored_slice_by_slice(
    exported: Path, slices: Path, tmp_path: Path
) -> None:
    """The truth of c, and of dR without its last row of bone in the largest slice: 35 of 40 px."""
    found = tmp_path / "found"
    found.mkdir()
    for case in ("c", "dR"):
        truth = read_labels(exported / "labelsTs" / f"{case}.nii.gz")
        voxels = truth.voxels.astype(np.uint8)
        if case == "dR":
            voxels[2, 10] = 0
        write_nifti(truth.with_voxels(voxels), found / f"{case}.nii.gz")
    whole = evaluate_predictions(found, slices, "test")
    assert whole.cases["c"]["dice"] == 1.0
    assert whole.cases["dR"]["dice"] == pytest.approx(2 * 55 / (55 + 60))
    assert whole.unit == "patients"
    checked = evaluate_predictions(found, slices, "test", status="checked")
    assert checked.cases["dR"]["dice"] == pytest.approx(2 * 35 / (35 + 40))


def test_a_missing_case_and_another_grid_are_refused(
    exported: Path, slices: Path, tmp_path: Path
) -> None:
    found = tmp_path / "found"
    with refused(InputError, "NOT_A_FOLDER", found):
        evaluate_predictions(found, slices, "test")
    found.mkdir()
    truth = read_labels(exported / "labelsTs" / "c.nii.gz")
    write_nifti(truth.with_voxels(truth.voxels.astype(np.uint8)), found / "c.nii.gz")
    with refused(InputError, "NO_PARTNER", 1, 2, "dR"):
        evaluate_predictions(found, slices, "test")
    shifted = Volume(np.zeros((3, 5, 5), np.uint8), truth.affine)
    write_nifti(shifted, found / "dR.nii.gz")
    with pytest.raises(GeometryError):
        evaluate_predictions(found, slices, "test")


def test_a_case_that_was_split_by_slice_has_a_volume_in_each_split(
    slices: Path, tmp_path: Path
) -> None:
    options = PrepareOptions(split=SplitChoice("paper-8:2-by-slice", seed=1))
    store = prepare([slices], tmp_path / "store", options).folder
    done = export_nnunet(store, tmp_path / "out")
    every = [name for names in done.cases.values() for name in names]
    assert len(set(every)) == len(every) > len(CASES)
    assert {name.rpartition("-")[2] for name in every} <= {"train", "val", "test"}


def test_the_commands(slices: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from afunet.cli import app

    monkeypatch.chdir(tmp_path)
    run = CliRunner().invoke
    done = run(app, ["prepare", str(slices), "--export", "nnunet", "-o", "raw", "-q"])
    assert done.exit_code == 0, done.output
    scored = run(app, ["evaluate", "raw/labelsTs", "--data", str(slices), "--split", "test"])
    assert scored.exit_code == 0, scored.output
    assert "1.000" in scored.output
    both = run(app, ["evaluate", "raw/labelsTs", "--data", str(slices), "--truth", "raw/labelsTs"])
    assert isinstance(both.exception, ConfigError)
    two = run(app, ["prepare", str(slices), str(slices), "--export", "nnunet", "-o", "x"])
    assert isinstance(two.exception, ConfigError)
