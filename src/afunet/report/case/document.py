"""The report as a PDF: what its page shows first, for viewers that show no web page."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from io import BytesIO
from itertools import zip_longest
from typing import Any
from xml.sax.saxutils import escape

from PIL import Image
from reportlab.lib.colors import HexColor
from reportlab.lib.pagesizes import A4
from reportlab.lib.styles import ParagraphStyle
from reportlab.lib.units import mm
from reportlab.platypus import Image as Picture
from reportlab.platypus import KeepTogether, Paragraph, SimpleDocTemplate, Spacer, Table

from afunet.geometry.sizes import counted, volume_text
from afunet.reconstruction.pieces import Piece
from afunet.report.case.facts import FlagFacts, Report
from afunet.report.case.page import MOST_PIECES, percent

INK, QUIET, BAD, LINE = (HexColor(value) for value in ("#222b36", "#56616f", "#a11f1f", "#dde2e8"))
MARGIN = 15 * mm
WIDTH = A4[0] - 2 * MARGIN
BODY = ParagraphStyle("body", fontName="Helvetica", fontSize=9, leading=12, textColor=INK)
SMALL = ParagraphStyle("small", BODY, fontSize=7.5, leading=9.5)
NOTE = ParagraphStyle("note", SMALL, textColor=QUIET)
WARN = ParagraphStyle("warn", BODY, textColor=BAD)
TITLE = ParagraphStyle("title", BODY, fontName="Helvetica-Bold", fontSize=15, leading=19)
HEAD = ParagraphStyle("head", TITLE, fontSize=11, leading=14, spaceBefore=8, spaceAfter=3)
COLUMNS = ("Piece", "Name is right", "Volume", "Length, {}", "Density, HU", "Nearest", "Gap, {}")
JPEG_QUALITY = 92


def render_pdf(
    report: Report,
    overlay_png: bytes,
    scene_png: bytes,
    flag_pictures: Sequence[bytes] = (),
) -> bytes:
    """Return the PDF, A4: flags and their pictures, findings, measures, slices, surfaces.

    Pictures are PNG files, b"" for a missing one; `flag_pictures` are in the order of the flags.
    Its bytes depend on nothing else. No text in it names the patient.
    """
    parts = [
        *_head(report),
        *_flags(report, flag_pictures),
        *_listed("Findings about the scan", [f"{one} ({one.code})" for one in report.findings]),
        *_measures(report),
        *_shown("Slices, the mask in orange", overlay_png, 150 * mm),
        *_shown("Surfaces", scene_png, 110 * mm),
    ]
    buffer = BytesIO()
    margins = {f"{side}Margin": MARGIN for side in ("left", "right", "top", "bottom")}
    made = SimpleDocTemplate(
        buffer,
        pagesize=A4,
        invariant=1,
        pageCompression=0,
        title="Bone segmentation",
        author="afunet",
        **margins,
    )

    def footer(canvas: Any, page: Any) -> None:
        canvas.setFont("Helvetica", 7)
        canvas.setFillColor(QUIET)
        model = f"{report.model.name}, weights {report.model.sha256[:16]}"
        canvas.drawString(MARGIN, 8 * mm, _plain(f"afunet {report.run.version}, {model}"))
        canvas.drawRightString(A4[0] - MARGIN, 8 * mm, f"page {page.page}")

    made.build(parts, onFirstPage=footer, onLaterPages=footer)
    return buffer.getvalue()


def _head(report: Report) -> Iterator[Any]:
    bone, known = report.bone, report.grid.spacing_known
    yield _text(f"Bone segmentation · {report.case}", TITLE)
    yield _text(report.disclaimer, WARN)
    for one in report.findings:
        if one.code == "CORRECTED":
            yield _text(str(one), WARN)
    volume = volume_text(bone.volume_cm3 * 1000, known)
    pieces = counted(bone.pieces, "piece") if report.pieces or not bone.pieces else "not separated"
    where = f"bone on {bone.slices_with_bone} of {bone.slices} slices"
    yield _text(f"{volume} of bone; {pieces}; {where}", HEAD)
    if report.confidence.words:
        yield _text(report.confidence.words, BODY)
    yield from _listed(
        "Missing results",
        [f"{one.format}: {one.reason} ({one.code})" for one in report.not_written],
    )


def _flags(report: Report, pictures: Sequence[bytes]) -> Iterator[Any]:
    """Yield the flags, three in a row, each below its picture."""
    if not report.flags:
        return
    sides = report.source.tells_sides(report.findings)
    right = ", the patient's right on the left of the pictures" if sides else ""
    yield _text(f"What to look at first{right}", HEAD)
    each = WIDTH / 3
    cells = [
        [_picture(png, each - 8, 45 * mm) if png else "", Spacer(1, 3), _text(_told(flag), SMALL)]
        for flag, png in zip_longest(report.flags, pictures, fillvalue=b"")
        if isinstance(flag, FlagFacts)
    ]
    for start in range(0, len(cells), 3):
        row = cells[start : start + 3]
        yield Table([row + [""] * (3 - len(row))], colWidths=[each] * 3, style=[TOP])


TOP = ("VALIGN", (0, 0), (-1, -1), "TOP")


def _told(flag: FlagFacts) -> str:
    place = f", slice {flag.slice}" if flag.slice else ""
    return f"{flag.message} ({flag.code}{place})"


def _measures(report: Report) -> Iterator[Any]:
    if not report.pieces:
        return
    unit = "mm" if report.grid.spacing_known else "voxels"
    rows = [[_text(name.format(unit), NOTE) for name in COLUMNS]]
    rows += [_row(piece, report) for piece in report.pieces[:MOST_PIECES]]
    shares = (0.22, 0.2, 0.12, 0.11, 0.11, 0.14, 0.1)
    style = [TOP, ("LINEBELOW", (0, 0), (-1, -1), 0.4, LINE)]
    yield _text("Bones and fragments", HEAD)
    yield Table(rows, colWidths=[WIDTH * share for share in shares], style=style, repeatRows=1)
    if len(report.pieces) > MOST_PIECES:
        yield _text(f"{len(report.pieces) - MOST_PIECES} smaller pieces are not shown.", NOTE)


def _row(piece: Piece, report: Report) -> list[Any]:
    name, size = piece.bone, piece.measures
    side = f", side {percent(name.side_sureness)}" if name.side else ""
    cells = (
        piece.name,
        f"{percent(name.sureness)}{side}" if name.bone != "unknown" else "–",
        volume_text(size.volume_mm3, report.grid.spacing_known),
        f"{size.length_mm:.1f}",
        "–" if size.mean_hu is None else f"{size.mean_hu:.0f}",
        piece.nearest or "–",
        "–" if piece.gap_mm is None else f"{piece.gap_mm:.1f}",
    )
    return [_text(cell, SMALL) for cell in cells]


def _listed(title: str, lines: Sequence[str]) -> Iterator[Any]:
    if lines:
        yield _text(title, HEAD)
        yield from (_text(f"– {line}", BODY) for line in lines)


def _shown(title: str, png: bytes, most_height: float) -> Iterator[Any]:
    if png:
        yield KeepTogether([_text(title, HEAD), _picture(png, WIDTH, most_height)])


def _picture(png: bytes, width: float, most_height: float) -> Any:
    """Return a picture as JPEG, which makes the PDF several times smaller."""
    with Image.open(BytesIO(png)) as opened:
        scale = min(width / opened.width, most_height / opened.height)
        size = opened.width * scale, opened.height * scale
        file = BytesIO()
        opened.convert("RGB").save(file, "JPEG", quality=JPEG_QUALITY)
    file.seek(0)
    return Picture(file, *size)


def _text(words: str, style: ParagraphStyle) -> Any:
    return Paragraph(escape(_plain(words[:1].upper() + words[1:])), style)


def _plain(words: str) -> str:
    """Return what the fonts that every viewer has can show: Windows-1252."""
    return words.replace("−", "-").encode("cp1252", errors="replace").decode("cp1252")
