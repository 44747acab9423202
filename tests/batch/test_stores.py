"""Scans in an object store, here the one of fsspec that is a folder."""

from __future__ import annotations

from pathlib import Path

import fsspec
import pytest
from tests.batch.conftest import Scans
from tests.refusals import refused

from afunet.batch.orders import input_digest
from afunet.batch.stores import StoredScan, stored_scans
from afunet.batch.subjects import named_subjects, scans_in
from afunet.errors import ConfigError, InputError


def test_a_prefix_holds_the_scans_that_a_folder_would(scans: Scans, tmp_path: Path) -> None:
    folder = scans(2)
    (folder / "ct").mkdir()
    (folder / "ct" / "1.dcm").write_bytes(b"1")
    for other in ("notes.txt", ".hidden.nii.gz"):
        (folder / other).write_bytes(b"")
    here = [path.as_uri() for path in scans_in([folder])]
    assert [scan.url for scan in stored_scans(folder.as_uri())] == here
    assert [scan.url for scan in stored_scans(f"{folder.as_uri()}/*.nii.gz")] == here[1:] or here
    assert stored_scans(f"{folder.as_uri()}/ct") == [StoredScan(f"{folder.as_uri()}/ct")]
    listed = tmp_path / "list.txt"
    listed.write_text(f"{here[1]}\nscans/ct\n")
    assert scans_in([listed]) == [StoredScan(here[1]), folder / "ct"]


def test_a_scan_is_named_by_a_digest_of_its_url(scans: Scans) -> None:
    stored = stored_scans(scans(2).as_uri())
    first, second = named_subjects(stored, b"key")
    assert first.folder.startswith("case-")
    assert first.folder == first.title != second.folder
    assert next(named_subjects(stored[1:], b"key")).folder == second.folder


def test_the_digest_changes_with_the_files(scans: Scans) -> None:
    folder = scans(2)
    first, second = stored_scans(folder.as_uri())
    before = input_digest(first), input_digest(second), input_digest(StoredScan(folder.as_uri()))
    assert len(set(before)) == 3
    (folder / "leg-00.nii.gz").write_bytes(b"other")
    after = input_digest(first), input_digest(second), input_digest(StoredScan(folder.as_uri()))
    assert [old == new for old, new in zip(before, after, strict=True)] == [False, True, False]


def test_a_copy_has_the_content_but_not_the_name(scans: Scans) -> None:
    folder = scans(1)
    named = folder / "Doe Jane"
    named.mkdir()
    (named / "1.dcm").write_bytes(b"1")
    volume = next(folder.glob("*.nii.gz")).rename(folder / "Doe.nii.gz")
    with StoredScan(volume.as_uri()).fetched() as copy:
        assert copy.name == "scan.nii.gz"
        assert copy.read_bytes() == volume.read_bytes()
    assert not copy.exists()
    with StoredScan(f"file://{named}").fetched() as copy:
        assert [path.name for path in copy.rglob("*")] == ["1.dcm"]
        assert "Doe" not in str(copy)


def test_what_is_not_there_is_refused_without_its_url(tmp_path: Path) -> None:
    missing = (tmp_path / "Doe.nii.gz").as_uri()
    with refused(InputError, "NOT_FETCHED") as refusal:
        stored_scans(missing)
    assert "Doe" not in str(refusal.value)
    with refused(InputError, "NOT_FETCHED"), StoredScan(missing).fetched():
        pass
    with refused(InputError, "NO_SCANS"):
        scans_in([f"{tmp_path.as_uri()}/*.nii.gz"])


def test_a_name_that_leads_out_of_the_folder_is_refused() -> None:
    store = fsspec.filesystem("memory")
    store.pipe({"/bucket/ct/1.dcm": b"1", "/bucket/ct/../../2.dcm": b"2"})
    with refused(InputError, "ARCHIVE_PATH"), StoredScan("memory://bucket/ct").fetched():
        pass


@pytest.mark.parametrize("url", ["nothing://bucket/scan.nii.gz"])
def test_an_unknown_kind_of_store_is_refused(url: str) -> None:
    with refused(ConfigError, "UNKNOWN_STORE", "nothing://"):
        stored_scans(url)
