"""The report as a PDF, whose text is not compressed: what it says is in its bytes."""

from __future__ import annotations

import re
import shutil
import subprocess
from dataclasses import replace
from pathlib import Path

import pytest
from tests.report.case.conftest import OVERLAY, SCENE, piece, png

from afunet.findings import Severity, warning
from afunet.report.case.document import render_pdf
from afunet.report.case.facts import FlagFacts, Report
from afunet.report.case.page import MOST_PIECES
from afunet.report.not_written import NotWritten


def words_of(pdf: bytes) -> str:
    """The text of all pages, a line after the other."""
    lines = re.findall(rb"\(((?:\\.|[^()\\])*)\) Tj", pdf)
    text = b" ".join(lines).decode("latin-1")
    return re.sub(r"\\(.)", r"\1", text)


def test_it_says_what_the_page_says_first(report: Report) -> None:
    told = replace(
        report,
        findings=[warning("SLICE_GAP", "2 slices are missing")],
        flags=[FlagFacts("STEP", Severity.WARNING, "a step between slices", slice=17)],
        not_written=[NotWritten("bone.stl", "the disk is full", "DISK_FULL")],
    )
    pdf = render_pdf(told, OVERLAY, SCENE, [png((4, 4), (0, 255, 0))])
    words = words_of(pdf)
    for fact in ("SLICE_GAP", "STEP, slice 17", "DISK_FULL", "24.7 cm", "12.3 cm", "432", "1.2"):
        assert fact in words, fact
    assert "left knee" in words
    assert "Not a medical device" in words
    assert report.model.sha256[:16] in words
    assert pdf.count(b"/DCTDecode") == 3


def test_the_same_report_gives_the_same_bytes(report: Report) -> None:
    assert render_pdf(report, OVERLAY, SCENE) == render_pdf(report, OVERLAY, SCENE)


def test_many_pieces_go_over_pages_and_the_smallest_are_counted(report: Report) -> None:
    many = replace(report, pieces=tuple(piece(label) for label in range(1, MOST_PIECES + 6)))
    words = words_of(render_pdf(many, OVERLAY, SCENE))
    assert f"Piece {MOST_PIECES} " in words
    assert f"Piece {MOST_PIECES + 1} " not in words
    assert "5 smaller pieces" in words
    assert "page 2" in words


def test_words_from_outside_are_no_markup_and_odd_letters_do_no_harm(report: Report) -> None:
    hostile = replace(report, case="</para><img src='x'/> & 膝 −5 (a\\b)")
    words = words_of(render_pdf(hostile, b"", b"")).replace(" ", "")
    assert "</para><imgsrc='x'/>&?-5(a\\b)" in words


@pytest.mark.skipif(shutil.which("pdftoppm") is None, reason="pdftoppm (poppler) is not here")
def test_a_foreign_reader_draws_it(report: Report, tmp_path: Path) -> None:
    (tmp_path / "report.pdf").write_bytes(render_pdf(report, OVERLAY, SCENE))
    command = ["pdftoppm", "-r", "20", "-png", "report.pdf", "page"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=True)
    assert done.stderr == ""
    assert list(tmp_path.glob("page-*.png"))
