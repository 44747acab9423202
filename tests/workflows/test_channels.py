"""Several classes from label files to scores: prepared, trained on, judged one by one."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from tests.refusals import refused

from afunet.cli.evaluation_tables import tables_of
from afunet.data.augment import AugmentConfig
from afunet.data.labelled import classes_of, load_labelled
from afunet.data.layouts.pair import Choice, LabelClass, parse_classes
from afunet.data.sampler import CropConfig
from afunet.data.splits import SplitChoice
from afunet.data.store import HEADER, check_store
from afunet.errors import ConfigError, InputError
from afunet.evaluation.overlap import METRICS, count
from afunet.formats.nifti import write_nifti
from afunet.formats.readers import read_labels, read_scan
from afunet.geometry import Volume
from afunet.inference.device_choice import DeviceChoice
from afunet.models.checkpoint import load_checkpoint
from afunet.terminal.show import print_table
from afunet.training.config import DataConfig, TrainingConfig
from afunet.workflows import analyse
from afunet.workflows.evaluate import evaluate_network
from afunet.workflows.evaluation_files import write_evaluation
from afunet.workflows.prepare import PrepareOptions, prepare
from afunet.workflows.segment import Segmenter, SegmentOptions
from afunet.workflows.train import train_network

CLASSES = ("tibia", "fibula", "patella")
RADII, HU = (8, 5, 3), (500, 900, 1250)
OBLIQUE = np.array([[1.0, 0.0, 0.0], [0.0, 0.96, -0.28], [0.0, 0.28, 0.96]])
CHOICE = Choice(classes=parse_classes("tibia=1,fibula=2,patella=7"))
CONFIG = TrainingConfig(
    data=(DataConfig("store"),),
    model="unet",
    options={"width": 8, "depth": 2},
    steps=150,
    batch_size=8,
    crop=CropConfig(48),
    augment=AugmentConfig(scale=(0.9, 1.1), coarse=0.0, blur=0.0, contrast=0.02, gamma=0.02),
    learning_rate=1e-2,
    recalibration_batches=4,
    validate_every=50,
)


def legs(folder: Path, count: int = 6) -> Path:
    """Discs of three sizes and brightnesses in flesh, labelled 1, 2 and 7."""
    affine = np.diag([0.5, 0.5, 2.0, 1.0])
    for number in range(count):
        rng = np.random.default_rng(number)
        labels = np.zeros((4, 48, 56), dtype=np.uint8)
        hu = rng.normal(-1000, 15, labels.shape)
        hu[:, 2:46, 2:54] += 1050  # flesh in air
        _, rows, columns = np.mgrid[:4, :48, :56]
        places = rng.permutation([(12, 14), (12, 42), (35, 28)]) + rng.integers(-2, 3, (3, 2))
        for label, value, radius, (row, column) in zip((1, 2, 7), HU, RADII, places, strict=True):
            disc = np.hypot(rows - row, columns - column) <= radius
            labels[disc], hu[disc] = label, value + rng.integers(-40, 40, int(disc.sum()))
        write_nifti(Volume(hu.astype(np.int16), affine), folder / f"leg{number}.nii.gz")
        write_nifti(Volume(labels, affine), folder / f"leg{number}_label.nii.gz")
    return folder


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("classes")
    options = PrepareOptions(choice=CHOICE, split=SplitChoice("by-patient", 0, 0.3, 0.2))
    done = prepare([legs(folder / "legs")], folder / "store", options)
    assert done.left_out == ()
    return folder / "store"


@pytest.fixture(scope="module")
def weights(store: Path) -> Path:
    torch.set_num_threads(1)
    return trained(CONFIG, store, "run")


def trained(config: TrainingConfig, store: Path, run: str) -> Path:
    place = DeviceChoice.CPU
    return train_network(config, store.parent / run, base=store.parent, device=place).checkpoint


def test_a_store_keeps_the_classes_of_its_labels(store: Path) -> None:
    check_store(store)
    assert classes_of(store) == CLASSES
    item = load_labelled(store, "train")[0]
    areas = [int((item.mask == number).sum()) for number in range(5)]
    discs = [
        sum(x * x + y * y <= r * r for x in range(-9, 10) for y in range(-9, 10)) for r in RADII
    ]
    assert areas[1:] == [*discs, 0]


def test_a_network_of_three_classes_finds_each(store: Path, weights: Path, tmp_path: Path) -> None:
    header = load_checkpoint(weights).header
    assert header.classes == CLASSES
    assert header.metrics["validation_dice_per_case"] > 0.9
    result = evaluate_network(store, "val", weights=weights, device=DeviceChoice.CPU)
    dice = {name: own.per_case["dice"] for name, own in result.classes.items()}
    assert tuple(dice) == CLASSES
    assert min(dice.values()) > 0.9, dice
    assert result.agreement.per_case["dice"] > 0.9
    assert np.mean(list(dice.values())) == pytest.approx(
        header.metrics["validation_dice_per_case"], abs=0.02
    )
    write_evaluation(result, tmp_path / "scores.json")
    written = json.loads((tmp_path / "scores.json").read_text())["classes"]
    assert {name: own["per_case"]["dice"] for name, own in written.items()} == dice


def test_evaluate_prints_a_row_for_each_class(
    store: Path, weights: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    result = evaluate_network(store, "val", weights=weights, device=DeviceChoice.CPU)
    for table in tables_of(result):
        print_table(table)
    rows = capsys.readouterr().out.splitlines()
    for name, own in result.classes.items():
        (row,) = (row for row in rows if row.strip().startswith(f"{name} ({own.cases})"))
        assert f"{own.per_case['dice']:.4f}" in row
    assert any("mean of 3 classes" in row for row in rows)


def test_fine_tuning_keeps_all_but_what_tells_other_classes_apart(
    store: Path, weights: Path, tmp_path: Path
) -> None:
    bone = tmp_path / "store"
    choice = Choice(bones=("1", "2", "7"))
    split = SplitChoice("by-patient", 0, 0.3, 0.2)
    prepare([store.parent / "legs"], bone, PrepareOptions(choice=choice, split=split))
    assert classes_of(bone) == ("bone",)
    still = replace(CONFIG, start_from=str(weights), steps=1, learning_rate=1e-12)
    before = load_checkpoint(weights).weights
    after = load_checkpoint(trained(still, bone, "tuned")).weights
    assert after["head.weight"].shape == (1, 8, 1, 1)
    name = "encoder.0.0.0.weight"
    torch.testing.assert_close(after[name], before[name], atol=1e-6, rtol=0)


def test_of_classes_and_bone_alone_any_class_is_bone(store: Path, weights: Path) -> None:
    header = json.loads((store / HEADER).read_text())
    alone = store.parent / "alone"
    alone.mkdir()
    for file in store.iterdir():
        (alone / file.name).write_bytes(file.read_bytes())
    old = {key: value for key, value in header.items() if key != "classes"}
    (alone / HEADER).write_text(json.dumps(old))
    assert classes_of(alone) == ("bone",)
    with refused(InputError, "CLASSES_DIFFER", 3, 1):
        check_store(alone)
    (alone / HEADER).write_text(json.dumps({**header, "classes": ["a", "b", "c"]}))
    with refused(InputError, "CLASSES_DIFFER", "tibia, fibula, patella", "a, b, c"):
        evaluate_network(alone, "val", weights=weights, device=DeviceChoice.CPU)


def test_folders_of_different_classes_are_not_mixed(store: Path, tmp_path: Path) -> None:
    other = tmp_path / "other"
    choice = Choice(classes=(LabelClass("shin", ("1", "2")), LabelClass("patella", ("7",))))
    prepare([legs(tmp_path / "legs", 3)], other, PrepareOptions(choice=choice))
    mixed = replace(CONFIG, data=(DataConfig(str(store)), DataConfig(str(other))))
    with refused(InputError, "CLASSES_DIFFER", "shin, patella", "tibia"):
        trained(mixed, store, "mixed")


def test_a_class_that_no_slice_has_is_told(tmp_path: Path) -> None:
    choice = Choice(classes=parse_classes("tibia=1,talus=9"))
    done = prepare([legs(tmp_path / "legs", 3)], tmp_path / "s", PrepareOptions(choice=choice))
    assert [line for line in done.warnings if "talus" in line]
    assert not [line for line in done.warnings if "tibia" in line]


def test_classes_are_read_from_one_option() -> None:
    assert parse_classes("") == ()
    assert parse_classes("shin=1, shin=2,patella*") == (
        LabelClass("shin", ("1", "2")),
        LabelClass("patella*", ("patella*",)),
    )
    for wrong in ("=1", "tibia=", "tibia=1,=2"):
        with refused(ConfigError, "CONFIG_ERROR", "tibia=1"):
            parse_classes(wrong)
    with refused(ConfigError, "OPTIONS_CLASH", "--bones", "--classes"):
        Choice(("1",), parse_classes("tibia=1"))


def test_segmenting_gives_a_label_map_with_a_name_for_each_class(
    store: Path, weights: Path, tmp_path: Path
) -> None:
    scan, truth = (store.parent / "legs" / f"leg0{end}.nii.gz" for end in ("", "_label"))
    options = SegmentOptions(weights=weights, device=DeviceChoice.CPU, formats=("nifti", "stl"))
    case = Segmenter(options).segment(scan, tmp_path / "out")
    assert json.loads((case.folder / "classes.json").read_text()) == {
        "1": "tibia",
        "2": "fibula",
        "3": "patella",
    }
    found = read_labels(case.folder / "classes.nii.gz").voxels
    true = np.select([read_labels(truth).voxels == value for value in (1, 2, 7)], (1, 2, 3))
    for number in (1, 2, 3):
        assert dice_of(found == number, true == number) > 0.9
    mask = read_labels(case.folder / "mask.nii.gz").voxels
    assert np.array_equal(found != 0, mask != 0)
    assert case.classes is not None
    assert np.array_equal(case.classes.voxels, found)


@pytest.mark.parametrize("order", [(1, 0, 2), (2, 0, 1)], ids=["coronal", "sagittal"])
def test_classes_lie_on_the_scan_s_grid_in_each_mask_format(
    store: Path, weights: Path, tmp_path: Path, order: tuple[int, int, int]
) -> None:
    scan, truth = (store.parent / "legs" / f"leg0{end}.nii.gz" for end in ("", "_label"))
    read, labels = read_scan(scan).volume, read_labels(truth).voxels
    affine = np.eye(4)
    columns = [2 - axis for axis in order][::-1]  # of the affine, column first
    affine[:3, :3] = OBLIQUE @ read.affine[:3, :3][:, columns]
    volume = Volume(np.ascontiguousarray(read.voxels.transpose(order)), affine)
    options = SegmentOptions(weights, DeviceChoice.CPU, formats=("nifti", "nrrd", "mha", "stl"))
    case = Segmenter(options).segment(volume, tmp_path / "out")
    true = np.select([labels.transpose(order) == value for value in (1, 2, 7)], (1, 2, 3))
    for end in ("nii.gz", "nrrd", "mha"):
        found = read_labels(case.folder / f"classes.{end}")
        assert found.same_grid(volume, 0.01)
        assert min(dice_of(found.voxels == number, true == number) for number in (1, 2, 3)) > 0.9
    assert case.report.files.count("classes.json") == 1
    assert {"bone.stl", "mask.nrrd", "instances.mha"} <= set(case.report.files)
    assert not case.report.not_written


@pytest.mark.parametrize("formats", [("nifti", "seg"), ("rtstruct",), ("nifti", "stl")])
def test_the_report_says_that_dicom_results_hold_no_classes(
    formats: tuple[str, ...],
    store: Path,
    weights: Path,
    tmp_path: Path,
    write_dicom: Callable[..., Path],
) -> None:
    volume = read_scan(store.parent / "legs" / "leg0.nii.gz").volume
    series = write_dicom(tmp_path / "ct", volume.with_voxels(volume.voxels.astype(np.int16)))
    options = SegmentOptions(weights, DeviceChoice.CPU, formats=formats)
    case = Segmenter(options).segment(series, tmp_path / "out")
    codes = [finding.code for finding in case.report.findings]
    assert codes.count("CLASSES_NOT_IN_DICOM") == (formats != ("nifti", "stl"))
    assert not case.report.not_written


def test_classes_that_cannot_be_made_leave_the_other_results(
    store: Path, weights: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object) -> None:
        raise MemoryError

    monkeypatch.setattr(analyse, "classes_in", fail)
    options = SegmentOptions(weights=weights, device=DeviceChoice.CPU, formats=("nifti",))
    case = Segmenter(options).segment(store.parent / "legs" / "leg0.nii.gz", tmp_path / "out")
    assert case.classes is None
    assert [missing.format for missing in case.report.not_written] == ["classes"]
    assert {"mask.nii.gz", "instances.nii.gz"} <= set(case.report.files)
    assert "classes.nii.gz" not in case.report.files


def dice_of(found: np.ndarray, true: np.ndarray) -> float:
    return float(METRICS["dice"](count(found, true)))
