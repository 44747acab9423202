"""The tables of a batch: a row for each case, for each bone, and for each failure."""

from __future__ import annotations

import csv
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from afunet.data.patients import scrubbed
from afunet.extras import installed
from afunet.jobs.job import Job, State
from afunet.whole_file import whole_file
from afunet.workflows.case_pages import REPORT_JSON

SUMMARY, BONES, FAILURES = "summary", "bones", "failures"
Row = Mapping[str, Any]
AXES = ("x", "y", "z")
NUMBERED = ("1", "2", "3")
PLACED = ("centre_mm", "lowest_mm", "highest_mm", "spacing_mm", "size")


@dataclass(frozen=True)
class Tables:
    """The rows of a batch, each table in the order of its cases."""

    cases: Sequence[Row] = field(default_factory=tuple)
    bones: Sequence[Row] = field(default_factory=tuple)
    failures: Sequence[Row] = field(default_factory=tuple)


def tables_of(jobs: Iterable[Job], output: Path) -> Tables:
    """Return the tables of jobs and of the reports that they wrote below `output`."""
    cases, bones, failures = [], [], []
    for job in sorted(jobs, key=lambda job: job.subject):
        report = _report(output / job.subject) if job.state is State.DONE else {}
        cases.append(case_row(job, report))
        bones += [bone_row(job.subject, piece) for piece in report.get("pieces", ())]
        if job.state is State.FAILED:
            failures.append(failure_row(job))
    return Tables(cases, bones, failures)


def case_row(job: Job, report: Mapping[str, Any]) -> Row:
    """Return the row of a case; what is not known of it is None."""
    grid, bone, run = (report.get(part, {}) for part in ("grid", "bone", "run"))
    expected = report.get("confidence", {}).get("expected_dice") or {}
    flags, findings = (report.get(part, ()) for part in ("flags", "findings"))
    return {
        "case": job.subject,
        "state": str(job.state),
        "code": job.failure.code if job.failure else "",
        "tries": job.tries,
        "region": report.get("source", {}).get("region", ""),
        **_flat("size", grid.get("size")),
        **_flat("spacing_mm", grid.get("spacing_mm")),
        "bone_cm3": bone.get("volume_cm3"),
        "pieces": bone.get("pieces"),
        "slices_with_bone": bone.get("slices_with_bone"),
        "expected_dice_low": expected.get("low"),
        "expected_dice": expected.get("middle"),
        "expected_dice_high": expected.get("high"),
        "flags": " ".join(dict.fromkeys(flag["code"] for flag in flags)),
        "flagged_mm3": sum(flag["doubtful_mm3"] for flag in flags) if report else None,
        "findings": " ".join(dict.fromkeys(finding["code"] for finding in findings)),
        "not_written": " ".join(job.answer.get("not_written", ())),
        "seconds": job.answer.get("seconds"),
        "peak_memory_mb": job.answer.get("peak_memory_mb"),
        "runtime": run.get("runtime"),
        "arithmetic": run.get("arithmetic"),
        "version": job.request.get("version"),
        "weights_sha256": job.request.get("weights"),
        "input_digest": job.request.get("input"),
        "results_digest": job.answer.get("files", {}).get("instances.nii.gz"),
        "job": job.id,
    }


def bone_row(case: str, piece: Mapping[str, Any]) -> Row:
    """Return the row of a bone or fragment: its facts in the report, positions by axis."""
    row: dict[str, Any] = {"case": case}
    for name, value in piece.items():
        row |= _flat(name, value) if isinstance(value, list) else {name: value}
    return row


def failure_row(job: Job) -> Row:
    """Return the row of a failure, without the path of the scan, which may name a patient."""
    assert job.failure is not None
    paths = [Path(job.request[name]) for name in ("scan", "results") if name in job.request]
    reason = scrubbed(job.failure.message, paths, (), "…")
    return {"case": job.subject, "code": job.failure.code, "reason": reason, "tries": job.tries}


def write_tables(tables: Tables, folder: Path) -> list[Path]:
    """Write all tables as CSV, and as Parquet if pyarrow is installed; return the files."""
    written = []
    named = ((SUMMARY, tables.cases), (BONES, tables.bones), (FAILURES, tables.failures))
    for name, rows in named:
        columns = list(dict.fromkeys(column for row in rows for column in row))
        path = folder / f"{name}.csv"
        with (
            whole_file(path) as unfinished,
            unfinished.open("w", encoding="utf-8", newline="") as file,
        ):
            table = csv.DictWriter(file, columns)
            table.writeheader()
            table.writerows(rows)
        written.append(path)
        packed = folder / f"{name}.parquet"
        if name != FAILURES and rows and installed("pyarrow"):
            written.append(_write_parquet(rows, columns, packed))
        else:
            packed.unlink(missing_ok=True)
    return written


def _write_parquet(rows: Sequence[Row], columns: Sequence[str], path: Path) -> Path:
    import pyarrow
    from pyarrow import parquet

    table = pyarrow.table({name: [row.get(name) for row in rows] for name in columns})
    with whole_file(path) as unfinished:
        parquet.write_table(table, unfinished)
    return path


def _flat(name: str, values: Sequence[Any] | None) -> dict[str, Any]:
    """Return three values as three columns: those of a place by axis, others by number."""
    ends = AXES if name in PLACED else NUMBERED
    return dict(zip((f"{name}_{end}" for end in ends), values or (None,) * 3, strict=False))


def _report(folder: Path) -> Mapping[str, Any]:
    try:
        found = json.loads((folder / REPORT_JSON).read_bytes())
    except (OSError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}
