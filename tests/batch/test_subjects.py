"""Which scans a batch has, and how their folders are named."""

from __future__ import annotations

import errno
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from tests.refusals import refused

from afunet.batch.orders import Settings, input_digest, options_of, plain_options
from afunet.batch.resources import plan_workers
from afunet.batch.subjects import Part, key_of, named_subjects, scans_in
from afunet.errors import ConfigError, InputError
from afunet.geometry import Volume
from afunet.workflows.segment import SegmentOptions

KEY = b"0" * 16


def touched(folder: Path, *names: str) -> Path:
    for name in names:
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
    return folder


def names(folder: Path, found: list[Path]) -> list[str]:
    return [path.relative_to(folder).as_posix() for path in found]


def test_a_folder_stands_for_the_scans_in_it(tmp_path: Path) -> None:
    touched(tmp_path, "a/1.dcm", "b.nii.gz", "c.zip", "notes.txt", ".hidden/x", "out/case/x.nii")
    assert names(tmp_path, scans_in([tmp_path], tmp_path / "out")) == ["a", "b.nii.gz", "c.zip"]


def test_a_folder_of_slices_is_a_scan(tmp_path: Path) -> None:
    touched(tmp_path, "leg/1.dcm", "leg/2.dcm")
    assert names(tmp_path, scans_in([tmp_path / "leg"])) == ["leg"]


def test_lists_tables_and_patterns_name_scans(tmp_path: Path) -> None:
    touched(tmp_path, "sub-1/ct.nii", "sub-2/ct.nii", "sub-2/mask.nii")
    (tmp_path / "list.txt").write_text("# mine\nsub-1/ct.nii\n\nsub-2/ct.nii\nsub-1/ct.nii\n")
    (tmp_path / "table.csv").write_text("age,path\n61,sub-2/ct.nii\n")
    both = ["sub-1/ct.nii", "sub-2/ct.nii"]
    assert names(tmp_path, scans_in([tmp_path / "list.txt"])) == both
    assert names(tmp_path, scans_in([tmp_path / "table.csv"])) == both[1:]
    assert names(tmp_path, scans_in([tmp_path / "sub-*" / "ct.nii"])) == both


@pytest.mark.parametrize(
    ("name", "content", "code"),
    [
        ("none", None, "NO_SUCH_PATH"),
        ("empty", "folder", "NO_SCANS"),
        ("table.csv", b"file\nx\n", "BAD_DESCRIPTION"),
        ("list.txt", b"\xff\xfe\x00", "BAD_TEXT"),
        ("list.txt", b"", "NO_SCANS"),
        ("*.nii", None, "NO_SCANS"),
    ],
)
def test_what_names_no_scan_is_refused(
    tmp_path: Path, name: str, content: bytes | str | None, code: str
) -> None:
    if isinstance(content, bytes):
        (tmp_path / name).write_bytes(content)
    elif content is not None:
        (tmp_path / name).mkdir()
    with refused(InputError, code):
        scans_in([tmp_path / name])


def test_a_name_is_the_same_in_every_run_and_part(tmp_path: Path) -> None:
    touched(tmp_path, *(f"sub-{n}/ct.nii" for n in range(7)), "sub-1/ct.mha")
    found = scans_in([tmp_path / "sub-*" / "ct.*"])
    every = [one.folder for one in named_subjects(found, KEY)]
    assert len(set(every)) == 8
    assert every[0] == "sub-0_ct"
    assert every[1].startswith("sub-1_ct-")
    parts = [
        one.folder for n in (1, 2, 3) for one in named_subjects(found, KEY, Part.read(f"{n}/3"))
    ]
    assert sorted(parts) == sorted(every)
    assert [one.folder for one in named_subjects(found[3:], KEY)] == every[3:]


def test_a_folder_that_bears_the_patients_name_gives_it_to_no_result(
    tmp_path: Path, write_dicom: Callable[..., Path]
) -> None:
    volume = Volume(np.zeros((4, 8, 8), dtype=np.int16), np.eye(4))
    for name in ("DOE_JANE", "leg"):
        write_dicom(tmp_path / "scans" / name, volume, PatientName="Doe^Jane")
    named, plain = named_subjects(scans_in([tmp_path / "scans"]), KEY)
    assert named.folder.startswith("case-")
    assert named.title == named.folder
    assert (plain.folder, plain.title) == ("leg", "leg")
    assert key_of(tmp_path / "out") == key_of(tmp_path / "out") != KEY


def test_work_is_known_again_unless_something_changed(tmp_path: Path) -> None:
    np.save(tmp_path / "a.npy", np.zeros(3))
    (tmp_path / "scan").mkdir()
    (tmp_path / "scan" / "1.dcm").write_bytes(b"x")
    (subject,) = named_subjects([tmp_path / "scan"], KEY)
    orders = [
        Settings.of(options).order_for(subject, tmp_path / place).id
        for options, place in (
            (SegmentOptions(), "out"),
            (SegmentOptions(), "moved"),
            (SegmentOptions(fast=True), "out"),
        )
    ]
    assert orders[0] == orders[1] != orders[2]
    (tmp_path / "scan" / "2.dcm").write_bytes(b"y")
    assert Settings.of(SegmentOptions()).order_for(subject, tmp_path / "out").id != orders[0]
    before = input_digest(tmp_path / "scan")
    (tmp_path / "scan" / "gone").symlink_to(tmp_path / "nowhere")
    assert input_digest(tmp_path / "scan") != before


def test_options_survive_json() -> None:
    options = SegmentOptions(
        weights=Path("w.safetensors"), spacing_mm=(0.5, 0.5, 1), formats=("seg",), fast=True
    )
    again = options_of(plain_options(options))
    assert again == SegmentOptions(
        weights="w.safetensors", spacing_mm=(0.5, 0.5, 1), formats=("seg",), fast=True
    )


@pytest.mark.parametrize("text", ["0/3", "4/3", "1", "a/b", "1/2/3", "-1/2"])
def test_a_part_that_is_none_is_refused(text: str) -> None:
    with refused(ConfigError, "BAD_PART"):
        Part.read(text)


def test_workers_are_planned_from_cores_and_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OMP_NUM_THREADS", "8")
    monkeypatch.setattr("os.cpu_count", lambda: 8)
    monkeypatch.setattr("afunet.batch.resources.free_bytes", lambda: 10 << 30)
    plan = plan_workers()
    assert (plan.workers, plan.threads) == (4, 2)
    assert plan.workers * plan.bytes <= 10 << 30
    assert plan_workers(1).threads == 8
    for wanted in (0, -1, 1000):
        with refused(ConfigError, "WORKERS_IMPOSSIBLE"):
            plan_workers(wanted)


def test_a_full_disk_leaves_no_half_key(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def half(path: Path, content: bytes) -> int:
        path.touch()
        raise OSError(errno.ENOSPC, "full")

    with monkeypatch.context() as patched:
        patched.setattr(Path, "write_bytes", half)
        with pytest.raises(OSError, check=is_full):
            key_of(tmp_path)
    assert list(tmp_path.iterdir()) == []
    assert len(key_of(tmp_path)) == len(KEY)


def is_full(error: OSError) -> bool:
    return error.errno == errno.ENOSPC
