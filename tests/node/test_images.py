"""Images are kept once, completely or not at all."""

from __future__ import annotations

import errno
import os
from pathlib import Path

import pytest
from tests.node.conftest import header
from tests.refusals import refused

from afunet.errors import InputError
from afunet.node.home import Home
from afunet.node.images import Images, Kept, SeriesState, header_of


def files(home: Home) -> list[Path]:
    return [path for path in home.images.rglob("*") if path.is_file()]


def test_an_image_is_kept_once_under_a_name_of_the_nodes_own(images: Images) -> None:
    assert images.keep(header(1), b"one") is Kept.NEW
    assert images.keep(header(1), b"one") is Kept.KNOWN
    assert images.keep(header(1), b"other") is Kept.OTHER
    assert images.keep(header(2), b"two") is Kept.NEW
    (series,) = images.open_series()
    assert (series.images, series.slices) == (2, 2)
    kept = images.paths(series.name, 2)
    assert [path.read_bytes() for path in kept] == [b"one", b"two"]
    assert sorted(kept) == sorted(files(images.home))
    assert not any("1.2" in str(path.relative_to(images.home.path)) for path in kept)


def test_a_job_of_the_first_images_never_reads_a_later_one(images: Images) -> None:
    for number in (1, 2, 3):
        images.keep(header(number), b"%d" % number)
    name = images.open_series()[0].name
    assert images.uids(name, 2) == ["1.2.3.1", "1.2.3.2"]


def test_a_full_disk_leaves_nothing(images: Images, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(number: int) -> None:
        raise OSError(errno.ENOSPC, "full")

    with monkeypatch.context() as patched:
        patched.setattr(os, "fsync", full)
        with pytest.raises(OSError, match="full"):
            images.keep(header(1), b"one")
    assert files(images.home) == []
    assert images.open_series() == []
    assert images.keep(header(1), b"one") is Kept.NEW


def test_a_database_that_refuses_a_row_leaves_no_file(
    images: Images, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object) -> bool:
        raise OSError(errno.EIO, "broken")

    with monkeypatch.context() as patched:
        patched.setattr(Images, "_entered", refuse)
        with pytest.raises(OSError, match="broken"):
            images.keep(header(1), b"one")
    assert files(images.home) == []


def test_a_series_is_not_settled_while_images_still_come(images: Images) -> None:
    images.keep(header(1), b"one")
    (before,) = images.open_series()
    images.keep(header(2), b"two")
    assert not images.settle(before, SeriesState.PLANNED)
    assert images.settle(images.open_series()[0], SeriesState.PLANNED)
    assert images.open_series() == []
    images.keep(header(3), b"three")
    assert images.open_series()[0].images == 3


def test_what_is_no_image_is_refused(series: list[Path]) -> None:
    found = header_of(series[0].read_bytes())
    assert (found.modality, found.description, found.slices) == ("CT", "Knee", 1)
    for content in (b"", b"no DICOM at all", series[0].read_bytes()[:200]):
        with refused(InputError, "NO_DICOM"):
            header_of(content)
