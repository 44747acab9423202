"""A batch from the command line: done once, whatever ends, and told in tables."""

from __future__ import annotations

import csv
import os
import signal
import subprocess
import sys
import time
from collections.abc import Mapping
from pathlib import Path

import pandas
import pytest
from tests.batch.conftest import Scans

from afunet.batch.finish import finish
from afunet.batch.page import worst_first
from afunet.batch.run import JOBS, OWNER, Batch
from afunet.batch.subjects import Subject
from afunet.batch.tables import tables_of
from afunet.jobs.folder_ledger import FolderLedger
from afunet.jobs.job import Failure, Job, State

COMMAND = [sys.executable, "-m", "afunet", "batch"]
OPTIONS = ["--fast", "--workers", "2", "--quiet"]


def run(*arguments: str | Path, expected: int = 0) -> str:
    done = subprocess.run(
        [*COMMAND, *map(str, arguments), *OPTIONS], capture_output=True, text=True, check=False
    )
    assert done.returncode == expected, done.stderr
    return done.stdout + done.stderr


def rows(path: Path) -> list[Mapping[str, str]]:
    with path.open(newline="") as file:
        return list(csv.DictReader(file))


def times_of(output: Path) -> dict[str, float]:
    return {path.parent.name: path.stat().st_mtime for path in output.glob("*/report.json")}


def ended(output: Path) -> set[str]:
    """The cases whose end is noted: one killed between its results and this note is done again."""
    return {path.parent.name for path in output.glob(f"{JOBS}/jobs/*/*.end")}


def test_broken_scans_stop_no_other_and_nothing_is_done_twice(scans: Scans, tmp_path: Path) -> None:
    folder, output = scans(3), tmp_path / "out"
    (folder / "broken.nii.gz").write_bytes(b"\x1f\x8b no volume")
    (folder / "empty").mkdir()
    run(folder, "-o", output, expected=1)
    summary = pandas.read_csv(output / "summary.csv")
    assert list(summary.case) == ["broken", "empty", "leg-00", "leg-01", "leg-02"]
    assert list(summary.state) == ["failed"] * 2 + ["done"] * 3
    assert {row["code"] for row in rows(output / "failures.csv")} == {"WRONG_KIND", "NO_DICOM"}
    bones = pandas.read_parquet(output / "bones.parquet")
    assert set(bones.case) == {"leg-00", "leg-01", "leg-02"}
    assert (bones.volume_mm3 > 0).all()
    page = (output / "batch.html").read_text()
    assert page.index("broken") < page.index("leg-00")
    assert not (output / "broken").exists()

    before = times_of(output)
    run(folder, "-o", output, expected=1)
    assert times_of(output) == before
    (folder / "empty").rmdir()
    (folder / "broken.nii.gz").write_bytes((folder / "leg-00.nii.gz").read_bytes())
    said = run(folder, "-o", output, "--retry-failed", expected=1)
    assert "empty" not in said.partition("done")[0]
    assert {key: times_of(output)[key] for key in before} == before
    assert "broken" in times_of(output)


def test_a_batch_that_was_killed_goes_on_and_repeats_nothing(scans: Scans, tmp_path: Path) -> None:
    folder, output = scans(5), tmp_path / "out"
    with subprocess.Popen(
        [*COMMAND, str(folder), "-o", str(output), *OPTIONS], start_new_session=True
    ) as batch:
        deadline = time.monotonic() + 90
        while not ended(output) and time.monotonic() < deadline:
            time.sleep(0.1)
        os.kill(batch.pid, signal.SIGKILL)
    before = {case: when for case, when in times_of(output).items() if case in ended(output)}
    assert before
    run(folder, "-o", output)
    assert {key: times_of(output)[key] for key in before} == before
    summary = rows(output / "summary.csv")
    assert [row["state"] for row in summary] == ["done"] * 5
    assert len({row["job"] for row in summary}) == 5


def test_parts_on_one_shared_disk_do_each_scan_once(scans: Scans, tmp_path: Path) -> None:
    folder, output = scans(3), tmp_path / "out"
    parts = [
        subprocess.Popen([*COMMAND, str(folder), "-o", str(output), *OPTIONS, "--part", part])
        for part in ("1/2", "2/2", "1/2")
    ]
    assert [part.wait(180) for part in parts] == [0, 0, 0]
    jobs = FolderLedger(output / JOBS / "jobs").jobs(OWNER)
    assert [(job.state, job.tries) for job in jobs] == [(State.DONE, 1)] * 3


@pytest.mark.parametrize(
    ("arguments", "exit_code"),
    [
        (["none", "-o", "out"], 1),
        (["scans", "-o", "out", "--part", "3/2"], 2),
        (["scans", "-o", "out", "--formats", "docx"], 2),
        (["scans", "-o", "list.txt"], 3),
    ],
)
def test_a_wrong_call_is_one_line_and_leaves_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, arguments: list[str], exit_code: int
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join(sys.path))
    (tmp_path / "scans" / "a").mkdir(parents=True)
    (tmp_path / "list.txt").touch()
    said = run(*arguments, expected=exit_code)
    assert said.count("\n") == 1, said
    assert not (tmp_path / "out").exists()


def test_a_failure_is_told_without_the_path_of_the_scan(tmp_path: Path) -> None:
    scan = tmp_path / "Doe Jane" / "ct"
    ledger = FolderLedger(tmp_path / "out" / JOBS / "jobs")
    ledger.add(OWNER, "case-1", "segment", {"scan": str(scan), "results": "x"})
    _, lease = ledger.claim() or pytest.fail("no job")
    ledger.fail(lease, Failure("UNREADABLE", f"cannot read {scan}: check the path"))
    finish(Batch(tmp_path / "out", [Subject(scan, "case-1", "case-1")], ledger))
    for path in (tmp_path / "out").iterdir():
        if path.is_file():
            assert b"Doe" not in path.read_bytes()
    assert rows(tmp_path / "out" / "failures.csv")[0]["code"] == "UNREADABLE"


def test_the_worst_case_comes_first(tmp_path: Path) -> None:
    def job(name: str, state: State, missing: tuple[str, ...] = ()) -> Job:
        failure = Failure("BAD", "bad") if state is State.FAILED else None
        answer = {"not_written": missing}
        return Job(name, OWNER, name, "segment", {}, state, 0.0, failure=failure, answer=answer)

    jobs = [job("a", State.DONE), job("b", State.DONE, ("seg",)), job("c", State.FAILED)]
    order = [row["case"] for row in worst_first(tables_of(jobs, tmp_path).cases)]
    assert order == ["c", "b", "a"]
