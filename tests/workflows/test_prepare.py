"""From folders of labelled scans to a store: what goes in, what stays out, and nobody's name."""

from __future__ import annotations

import errno
import json
import os
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import typer
from tests.refusals import holds, refused, require
from typer.testing import CliRunner

from afunet.cli import prepare as command
from afunet.cli.door import at_the_door
from afunet.data.labelled import load_labelled, read_records
from afunet.data.layouts.pair import Choice
from afunet.data.splits import SplitChoice
from afunet.data.store import check_store
from afunet.data.writing import StoreWriter
from afunet.errors import AfunetError, Cancelled, InputError, OutputError
from afunet.formats.nifti import write_nifti
from afunet.formats.readers import read_labels
from afunet.geometry import Volume
from afunet.watch import CancelToken, Watch
from afunet.workflows.prepare import NothingUsable, PrepareOptions, prepare

NAME = "Mueller"


def scan(seed: int, column: int = 14) -> tuple[Volume, Volume]:
    """Two slices of 24 × 28 pixels: a disc of bone in noise, and its mask."""
    _, rows, columns = np.mgrid[:2, :24, :28]
    bone = np.hypot(rows - 12, columns - column) <= 5
    noise = np.random.default_rng(seed).integers(-200, 150, bone.shape)
    affine = np.diag([0.5, 0.5, 2.0, 1.0])
    hu = np.where(bone, 700, noise).astype(np.int16)
    return Volume(hu, affine), Volume(bone.astype(np.uint8), affine)


def write_pair(folder: Path, name: str, seed: int) -> None:
    volume, mask = scan(seed)
    write_nifti(volume, folder / f"{name}.nii.gz")
    write_nifti(mask, folder / f"{name}_label.nii.gz")


@pytest.fixture
def source(tmp_path: Path) -> Path:
    for number in (1, 2, 3):
        write_pair(tmp_path / "legs", f"leg{number}", number)
    return tmp_path / "legs"


@pytest.fixture
def out(tmp_path: Path) -> Path:
    return tmp_path / "store"


@pytest.fixture(scope="session")
def real_data() -> Path:
    root = Path(__file__).parents[2]
    folder = Path(os.environ.get("AFUNET_DATA", root.parent / "shared" / "data"))
    if not folder.is_dir():
        pytest.skip(f"no real CT at {folder}: set AFUNET_DATA to its folder")
    return folder


def split_by(rule: str, seed: int = 0) -> PrepareOptions:
    return PrepareOptions(split=SplitChoice(rule, seed))


def header(store: Path) -> dict[str, object]:
    return dict(json.loads((store / "store.json").read_text(encoding="utf-8")))


def everything_in(store: Path) -> str:
    return "".join((store / name).read_text() for name in ("store.json", "slices.csv"))


def test_three_pairs_become_a_store_with_one_in_every_split(source: Path, out: Path) -> None:
    done = prepare([source], out)
    assert [(c.split, c.cases, c.patients, c.slices, c.with_bone) for c in done.counts] == [
        ("train", 1, 1, 2, 2),
        ("val", 1, 1, 2, 2),
        ("test", 1, 1, 2, 2),
    ]
    assert (done.left_out, done.warnings) == ((), ())
    check_store(out)
    record = read_records(out)[0]
    assert (record.case, record.patient, record.region) == ("leg1", "leg1", "legs")
    masks = [item.mask for split in ("train", "val", "test") for item in load_labelled(out, split)]
    assert all(np.array_equal(mask, scan(0)[1].voxels[0]) for mask in masks)


def test_the_same_sources_and_seed_give_the_same_files(source: Path, tmp_path: Path) -> None:
    prepare([source], tmp_path / "a")
    prepare([source], tmp_path / "b")
    names = ("images.u8", "masks.u8", "slices.csv", "store.json")
    assert all(
        (tmp_path / "a" / n).read_bytes() == (tmp_path / "b" / n).read_bytes() for n in names
    )


def test_the_description_says_how_it_was_made(source: Path, out: Path) -> None:
    prepare([source], out, split_by("by-patient", 7))
    facts = header(out)
    assert facts["layouts"] == {"nifti-pairs": 3}
    assert facts["simulators"] == []
    assert facts["window_hu"] == [-300.0, 1300.0]
    assert facts["split"] == {
        "rule": "by-patient",
        "seed": 7,
        "val": 0.15,
        "test": 0.15,
        "by_slice": False,
    }


def test_a_bad_pair_is_left_out_listed_and_written_down_and_the_others_stay(
    source: Path, out: Path
) -> None:
    volume, mask = scan(2)
    write_nifti(mask.with_voxels(mask.voxels * 9), source / "leg2_label.nii.gz")
    write_nifti(volume, source / "leg4.nii.gz")
    done = prepare([source], out)
    reasons = {item.case: item.reason for item in done.left_out}
    assert set(reasons) == {"leg2", "leg4"}
    assert "0, 9" in reasons["leg2"]
    assert {record.case for record in read_records(out)} == {"leg1", "leg3"}
    assert header(out)["left_out"] == [vars(item) for item in done.left_out]


def test_what_is_noticed_about_a_label_is_told_once_with_its_cases(source: Path, out: Path) -> None:
    for number in (1, 3):
        path = source / f"leg{number}_label.nii.gz"
        labels = read_labels(path)
        write_nifti(labels.with_voxels(labels.voxels * np.float32(0.99999)), path)
    done = prepare([source], out)
    (line,) = [line for line in done.warnings if line.startswith("LABELS_ROUNDED")]
    assert holds(line, 2, "(leg1, leg3)")
    assert done.left_out == ()
    assert line in json.loads((out / "store.json").read_text())["warnings"]


def test_folders_without_a_pair_are_counted_and_named_where_that_is_harmless(
    tmp_path: Path, out: Path
) -> None:
    for number in (1, 2, 3):
        write_pair(tmp_path / "set" / f"leg{number}", "ct", number)
    for name in ("leg4", NAME):
        (tmp_path / "set" / name).mkdir()
        (tmp_path / "set" / name / "notes.txt").touch()
    done = prepare([tmp_path / "set"], out)
    assert any(holds(line, 2, "nifti-pairs", "(leg4)") for line in done.warnings)


def test_exchanged_masks_of_two_scans_are_left_out(source: Path, out: Path) -> None:
    volume, mask = scan(2, column=22)
    write_nifti(volume, source / "leg2.nii.gz")
    write_nifti(mask, source / "leg1_label.nii.gz")
    done = prepare([source], out)
    assert {item.case for item in done.left_out} == {"leg1", "leg2"}
    assert all("HU" in item.reason for item in done.left_out)


def test_nothing_usable_is_an_error_that_lists_all_and_leaves_nothing(
    source: Path, out: Path
) -> None:
    for label in source.glob("*_label.nii.gz"):
        label.unlink()
    with refused(NothingUsable, "NOTHING_USABLE", 3, "leg1") as error:
        prepare([source], out)
    assert len(error.value.left_out) == 3
    assert not out.exists()


def test_names_that_may_be_a_patients_appear_nowhere(tmp_path: Path, out: Path) -> None:
    for number in (1, 2, 3):
        write_pair(tmp_path / NAME, f"{NAME}{number}", number)
    (tmp_path / NAME / f"{NAME}3_label.nii.gz").write_bytes(b"broken")
    (tmp_path / NAME / f"{NAME}4.nii.gz").write_bytes(b"lonely")
    done = prepare([tmp_path / NAME], out)
    assert [item.case for item in done.left_out] == ["unpaired pair 1", "pair 3"]
    assert "NIfTI" in done.left_out[1].reason
    text = everything_in(out) + str(done.left_out)
    assert NAME.lower() not in text.lower()
    assert {record.case[:5] for record in read_records(out)} == {"case-"}


WriteDicom = Callable[..., Path]


def write_dicom_case(folder: Path, seed: int, write_dicom: WriteDicom, **elements: str) -> None:
    volume, mask = scan(seed)
    write_dicom(folder / "dicom", volume, seed, **elements)
    write_nifti(mask, folder / "label.nii.gz")


def test_scans_of_one_dicom_patient_are_one_patient_without_his_name(
    tmp_path: Path, out: Path, write_dicom: WriteDicom
) -> None:
    for seed, number in ((1, "PID77"), (2, "PID77"), (3, "PID88"), (4, "ANONYMOUS")):
        folder = tmp_path / "set" / f"leg{seed}"
        write_dicom_case(folder, seed, write_dicom, PatientID=number, PatientName=NAME)
    prepare([tmp_path / "set"], out)
    patients = {record.case: record.patient for record in read_records(out)}
    assert patients["leg1"] == patients["leg2"]
    assert len(set(patients.values())) == 3
    assert not any(word in everything_in(out) for word in ("PID77", "PID88", NAME))


def test_one_dicom_patient_on_both_sides_of_given_splits_is_refused(
    tmp_path: Path, out: Path, write_dicom: WriteDicom
) -> None:
    for seed in (1, 2):
        write_dicom_case(tmp_path / "set" / f"leg{seed}", seed, write_dicom, PatientID="PID77")
    (tmp_path / "set" / "cases.csv").write_text("case,patient,split\nleg1,p1,train\nleg2,p2,val\n")
    with refused(InputError, "SPLITS_OVERLAP", 1):
        prepare([tmp_path / "set"], out)
    assert not out.exists()


def test_an_identical_scan_under_two_names_is_refused_where_the_splits_are_given(
    source: Path, out: Path
) -> None:
    write_pair(source, "leg4", 1)
    (source / "cases.csv").write_text("case,split\nleg1,train\nleg2,val\nleg3,train\nleg4,val\n")
    with refused(InputError, "SPLITS_OVERLAP", 2, 6):
        prepare([source], out)
    done = prepare([source], out, split_by("by-patient"))
    assert done.warnings[0].startswith("1 ")
    patients = {record.case: record.patient for record in read_records(out)}
    assert patients["leg1"] == patients["leg4"]


def test_splits_that_are_given_are_kept_and_missing_ones_refused_if_asked(
    source: Path, out: Path
) -> None:
    (source / "cases.csv").write_text("case,split\nleg1,test\nleg2,val\n")
    with refused(InputError, "NO_SPLIT", 1, 3):
        prepare([source], out, split_by("as-given"))
    prepare([source], out)
    splits = {record.case: record.split for record in read_records(out)}
    assert splits == {"leg1": "test", "leg2": "val", "leg3": "train"}


def test_the_papers_split_warns_and_can_still_be_read_for_training(source: Path, out: Path) -> None:
    done = prepare([source], out, split_by("paper-8:2-by-slice"))
    assert len(done.warnings) >= 1
    assert [count.slices for count in done.counts] == [5, 1, 0]
    assert len(load_labelled(out, "train")) == 5
    assert header(out)["warnings"] == list(done.warnings)


def test_27_volumes_of_20_patients_run_by_the_protocol(tmp_path: Path, out: Path) -> None:
    names = [f"patient{n:02d}/volume1" for n in range(20)]
    names += [f"patient{n:02d}/volume2" for n in range(7)]
    for seed, name in enumerate(names):
        volume, mask = scan(seed)
        write_nifti(volume, tmp_path / "set" / name / "ct.nii.gz")
        write_nifti(mask, tmp_path / "set" / name / "bone.nii.gz")
    done = prepare([tmp_path / "set"], out, split_by("perez-carrasco"))
    assert done.warnings == ()
    assert [count.cases for count in done.counts] == [18, 9, 0]
    assert sum(count.patients for count in done.counts) == 20


def test_sources_of_several_layouts_go_into_one_store_and_same_names_stay_apart(
    source: Path, tmp_path: Path, out: Path, write_dicom: WriteDicom
) -> None:
    write_dicom_case(tmp_path / "more" / "leg1", 9, write_dicom)
    prepare([source, tmp_path / "more"], out)
    assert {record.case for record in read_records(out)} == {"leg1", "leg2", "leg3", "leg1-2"}
    assert header(out)["layouts"] == {"nifti-pairs": 3, "dicom-label": 1}


def test_label_numbers_can_be_chosen(source: Path, out: Path) -> None:
    _, mask = scan(1)
    for number in (1, 2, 3):
        write_nifti(mask.with_voxels(mask.voxels * 7), source / f"leg{number}_label.nii.gz")
    prepare([source], out, PrepareOptions(choice=Choice(("7",))))
    assert len(read_records(out)) == 6


def test_a_full_disk_is_one_line_and_leaves_an_older_store_alone(
    source: Path, out: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    prepare([source], out)
    before = {path.name: path.read_bytes() for path in out.iterdir()}
    monkeypatch.setattr(StoreWriter, "append", full)
    with refused(OutputError, "DISK_FULL"):
        prepare([source], out)
    assert {path.name: path.read_bytes() for path in out.iterdir()} == before
    assert [path.name for path in out.parent.iterdir() if path.name.startswith(".")] == []


def full(*_: object) -> None:
    raise OSError(errno.ENOSPC, "No space left on device")


def test_cancelling_leaves_nothing(source: Path, out: Path) -> None:
    cancel = CancelToken()
    with pytest.raises(Cancelled):
        prepare([source], out, watch=Watch(lambda *_: cancel.cancel(), cancel))
    assert not out.exists()


def test_progress_counts_the_pairs(source: Path, out: Path) -> None:
    seen: list[tuple[str, int, int]] = []
    prepare([source], out, watch=Watch(lambda *progress: seen.append(progress)))
    assert [call[1:] for call in seen] == [(number, 3) for number in (1, 2, 3)]


def test_what_cannot_work_is_refused_before_the_reading(source: Path, out: Path) -> None:
    def refuses(code: str, *sources: Path, to: Path = out, named: object = "") -> None:
        with refused(AfunetError, code, named):
            prepare(sources, to)

    refuses("NOTHING_GIVEN")
    refuses("NOT_A_FOLDER", source / "leg1.nii.gz", named="leg1.nii.gz")
    refuses("PLACE_TAKEN", source, to=source, named=source)
    prepare([source], out)
    refuses("STORE_ALREADY", out, to=out.with_name("other"), named=out)
    (out / "store.json").unlink()
    refuses("PLACE_TAKEN", source, named="slices.csv")


def run(*arguments: object) -> tuple[int, str, BaseException | None]:
    app = typer.Typer()
    app.command()(at_the_door(command.prepare))
    result = CliRunner().invoke(app, [str(argument) for argument in arguments])
    return result.exit_code, result.output, result.exception


def raised_by(*arguments: object) -> BaseException:
    error = run(*arguments)[2]
    assert error is not None
    return error


def test_the_command_prints_the_table_and_every_pair_left_out(source: Path, out: Path) -> None:
    (source / "leg2_label.nii.gz").write_bytes(b"broken")
    code, printed, _ = run(source, "-o", out, "--seed", 1)
    assert code == 0
    assert any("leg2: leg2_label.nii.gz" in line for line in printed.splitlines())
    assert f"{out}: 1 " in printed


def test_the_command_lists_all_pairs_when_none_is_left(source: Path, out: Path) -> None:
    for label in source.glob("*_label.nii.gz"):
        label.write_bytes(b"broken")
    code, printed, error = run(source, "-o", out)
    assert code == 1
    assert isinstance(error, NothingUsable)
    assert all(f"leg{number}_label.nii.gz" in printed for number in (1, 2, 3))


def test_the_command_checks_stores_and_needs_a_place_for_a_new_one(source: Path, out: Path) -> None:
    require(raised_by(source), "NOTHING_GIVEN", "-o")
    run(source, "-o", out)
    code, printed, _ = run("--check", out)
    assert code == 0
    assert f"{out}: 6 " in printed
    with (out / "masks.u8").open("r+b") as file:
        file.write(b"\1")
    require(raised_by("--check", out), "STORE_CHANGED", "masks.u8")


def test_real_legs_go_in_with_every_labelled_voxel(out: Path, real_data: Path) -> None:
    done = prepare([real_data / "legs-dicom"], out)
    assert done.left_out == ()
    slices = load_labelled(out, "train")
    labels = read_labels(real_data / "legs-dicom" / "label.nii.gz")
    assert len(slices) == 46
    assert sum(int(item.mask.sum()) for item in slices) == int((labels.voxels > 0).sum())
    assert slices[0].record.region == "legs"
    assert slices[0].record.spacing_mm == pytest.approx((0.84, 0.84))
