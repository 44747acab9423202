"""What the page says; its facts are plain values, given here by hand."""

import base64
import json
import re
from dataclasses import replace

import numpy as np
import pytest
import trimesh
from tests.refusals import holds
from tests.report.case.conftest import OVERLAY, SCENE, piece, png, run_facts

from afunet.anatomy.bones import Bone, Side
from afunet.anatomy.names import BoneName
from afunet.findings import Severity, error, info, warning
from afunet.formats.glb import Part
from afunet.geometry import Mesh
from afunet.models.expected_dice import DiceInterval
from afunet.report.case.facts import (
    DISCLAIMER,
    FlagFacts,
    Report,
    SliceConfidenceFacts,
)
from afunet.report.case.page import render_page
from afunet.report.not_written import NotWritten
from afunet.report.palette import colour_of
from afunet.report.surfaces.turning import turning_page


def page_of(report: Report) -> str:
    """The page without its pictures and with single spaces."""
    page = render_page(report, OVERLAY, SCENE)
    return " ".join(re.sub(r'src="data:[^"]*"', 'src=""', page).split())


def row(page: str, fact: str) -> str:
    """The cell of a fact, which `data-fact` names."""
    return page.split(f'<tr data-fact="{fact}">')[1].split("<td>")[1].split("</td>")[0]


def count(page: str, figure: str) -> int:
    """The number of a figure at the top."""
    return int(page.split(f'<div data-fact="{figure}"><b>')[1].split()[0])


def test_the_page_says_what_was_read_found_and_used(report: Report) -> None:
    page = page_of(report)
    assert "<b>24.7 cm³</b>" in page
    assert re.search(r"<b>60 \w+ 64</b>", page)
    assert holds(row(page, "time"), "22 s", "1.2", "20.5")
    assert holds(row(page, "encloses"), "24.5 cm³", "0.8 %")
    assert row(page, "voxel") == "0.5 × 0.5 × 1.25 mm"
    assert row(page, "grid").startswith("512 × 256 × 64 ")
    assert holds(row(page, "region"), "knee", "BodyPartExamined")
    assert row(page, "triangles") == "1,234,567"
    assert row(page, "watertight")
    assert holds(row(page, "specks"), 3, "21 mm³", "15 mm³")
    assert row(page, "memory").startswith("1.50 GB")
    assert holds(row(page, "network"), "afunet", 32)
    assert "ab" * 32 in row(page, "weights")
    assert DISCLAIMER in page
    assert '<li class="none">' in page


def cells(page: str, name: str) -> list[str]:
    """The cells of a piece's row, the colour's left out."""
    line = next(line for line in page.split("<tr>") if f"</i>{name}</td>" in line)
    return re.findall(r"<td>([^<]*)</td>", line)


def mm3(text: str) -> float:
    """A volume as the page writes it."""
    number, unit = text.split()
    return float(number.replace(",", "")) * {"cm³": 1000, "mm³": 1, "voxels": 1, "voxel": 1}[unit]


def test_every_piece_has_its_row_and_colour(report: Report) -> None:
    page = page_of(report)
    first = cells(page, "piece 1")
    assert first[:4] + first[5:] == [
        *("–", "12.3 cm³", "81.2", "432"),
        *("piece 2", "1.2", "0.10", "0.78"),
    ]
    assert holds(first[4], "−20", 1200)
    second = cells(page, "piece 2")
    assert (second[5:7], second[8]) == (["–", "–"], "0.78")
    assert second[7].startswith("0.10, ")  # it is open
    assert f"background: rgb{colour_of('unknown', 2)}" in page
    assert 'id="more-pieces"' not in page


def test_of_very_many_pieces_the_smaller_ones_stand_in_the_json(report: Report) -> None:
    page = page_of(replace(report, pieces=tuple(piece(k) for k in range(1, 41))))
    assert "</i>piece 30</td>" in page
    assert "</i>piece 31</td>" not in page
    assert '<p id="more-pieces">10 ' in page


def test_the_page_that_turns_stands_in_a_frame_of_its_own(report: Report) -> None:
    page = render_page(report, OVERLAY, SCENE, '<script>alert("x")</script>')
    assert 'srcdoc="&lt;script&gt;alert(&#34;x&#34;)&lt;/script&gt;"' in page
    assert "<script" not in page
    assert "<iframe" not in page_of(report)


def test_without_bone_there_is_no_table_of_pieces(report: Report) -> None:
    nothing = replace(report.surface, triangles=0)
    bone = replace(report.bone, pieces=0, volume_cm3=0.0)
    page = page_of(replace(report, pieces=(), bone=bone, surface=nothing))
    assert 'id="pieces"' not in page
    assert 'data-fact="watertight"' not in page
    assert count(page, "pieces") == 0
    assert not re.search(r"\d", row(page, "smallest"))


def test_bones_that_were_not_told_apart_are_not_counted(report: Report) -> None:
    page = page_of(replace(report, pieces=()))
    assert '<div data-fact="pieces"><b>–</b>' in page


def test_both_pictures_are_inside(report: Report) -> None:
    page = render_page(report, OVERLAY, SCENE)
    embedded = re.findall(r'src="data:image/png;base64,([^"]*)"', page)
    assert [base64.b64decode(text)[:8] for text in embedded] == [b"\x89PNG\r\n\x1a\n"] * 2


def test_flags_come_first_worst_first_with_their_pictures(report: Report) -> None:
    flags = (
        FlagFacts("METAL", Severity.WARNING, "metal in the bone", slice=12, box=(1, 2, 3, 4)),
        FlagFacts("SPECKS_REMOVED", Severity.INFO, "3 specks removed"),
    )
    small = png((4, 4), (0, 255, 0))
    page = render_page(replace(report, flags=flags), OVERLAY, SCENE, "", (small, b""))
    assert page.index('<h2 id="flags">') < page.index("Metal in the bone")
    assert page.index("Metal in the bone") < page.index("3 specks removed")
    assert page.index("3 specks removed") < page.index('<h2 id="findings">')
    assert base64.b64encode(small).decode() in page
    assert re.search(r'<img [^>]*alt="[^"]*\b12"', page)
    assert page.count("<img") == 3
    assert '<h2 id="flags">' not in page_of(report)


def slice_facts(number: int, expected: DiceInterval | None) -> SliceConfidenceFacts:
    return SliceConfidenceFacts(number, 90, expected, 0.9 + number / 100, None, None)


def test_every_slice_has_its_bar_and_the_flagged_a_mark(report: Report) -> None:
    expected = DiceInterval(0.85, 0.913, 0.95)
    sure = replace(
        report.confidence,
        expected_dice=expected,
        slices=tuple(slice_facts(k, expected) for k in (1, 2, 3)),
        words="Words of the Dice 0.85 to 0.95",
    )
    flags = (FlagFacts("METAL", Severity.WARNING, "metal", slice=2),)
    page = page_of(replace(report, confidence=sure, flags=flags))
    assert page.count("<rect") == page.count("<line") == 3
    assert holds(page, expected)
    assert page.count("<path") == 1
    assert "Words of the Dice 0.85 to 0.95" in page


def test_where_no_dice_is_expected_no_number_is_shown(report: Report) -> None:
    slices = tuple(slice_facts(k, None) for k in (1, 2, 3))
    unknown = replace(report.confidence, slices=slices, words="Nothing of the Dice.")
    page = page_of(replace(report, confidence=unknown))
    assert page.count("<rect") == 3
    assert "<line" not in page
    assert "Nothing of the Dice." in page
    assert not re.search(r"\d: \d", page.split("</style>")[1].split("<svg")[1].split("</svg>")[0])
    assert "0.91" not in page


def test_an_interval_is_told_in_two_digits() -> None:
    assert str(DiceInterval(0.9512, 0.97, 0.9849)).split()[::2] == ["0.95", "0.98"]
    assert str(DiceInterval(0.988, 0.989, 0.99)) == "0.99"


def test_findings_of_each_severity_are_listed_with_their_code(report: Report) -> None:
    findings = (info("A", "to know"), warning("B", "to check"), error("C", "to refuse"))
    page = page_of(replace(report, findings=findings))
    for severity, message, code in (
        ("info", "to know", "A"),
        ("warning", "to check", "B"),
        ("error", "to refuse", "C"),
    ):
        assert f'<li class="{severity}">{message.capitalize()}<code>{code}</code></li>' in page
    assert '<li class="none">' not in page


def test_results_that_could_not_be_written_are_said_first(report: Report) -> None:
    missing = NotWritten("seg", "the study date is none", "SEG_REFUSED")
    page = page_of(replace(report, not_written=(missing,)))
    assert '<li class="error">seg: the study date is none<code>SEG_REFUSED</code></li>' in page
    assert page.index("SEG_REFUSED") < page.index('<h2 id="findings">')
    assert json.loads(replace(report, not_written=(missing,)).to_json())["not_written"] == [
        {"format": "seg", "reason": "the study date is none", "code": "SEG_REFUSED"}
    ]
    assert '<h2 id="not-written">' not in page_of(report)


def test_without_a_spacing_nothing_is_called_a_millimetre(report: Report) -> None:
    page = page_of(
        replace(
            report,
            grid=replace(report.grid, spacing_known=False, spacing_mm=(1.0, 1.0, 1.0)),
            surface=replace(report.surface, unit="voxels"),
        )
    )
    assert not re.search(r"\d", row(page, "voxel"))
    body = page.split("</style>")[1]
    assert "<b>24,690 voxels</b>" in body
    assert re.findall(r"[\d.]+ (?:cm|mm)[²³]?", body) == []


def test_what_had_to_be_given_up_for_memory_is_said(report: Report) -> None:
    run = run_facts(fallbacks=("8 windows per batch", "the CPU"), peak_memory_mb=None)
    page = page_of(replace(report, run=run))
    assert holds(row(page, "arithmetic"), "8 windows per batch", "the CPU")
    assert not re.search(r"\d", row(page, "memory"))


@pytest.mark.parametrize("hostile", ["<script>alert(1)</script>", '"><img src=x onerror=alert(1)>'])
def test_words_from_outside_are_shown_and_never_run(hostile: str, report: Report) -> None:
    page = page_of(
        replace(
            report,
            case=hostile,
            source=replace(report.source, kernel=hostile, manufacturer=hostile, model=hostile),
            findings=(warning("X", hostile),),
            files=(hostile,),
        )
    )
    assert hostile not in page
    assert "<script" not in page
    assert page.count("<img") == 2
    assert "&lt;" in page


def test_the_json_holds_every_fact_under_its_fields_name(report: Report) -> None:
    parsed = json.loads(report.to_json())
    assert parsed["grid"]["spacing_mm"] == [0.5, 0.5, 1.25]
    assert parsed["model"]["sha256"] == "ab" * 32
    assert parsed["source"]["slice_thickness_mm"] is None
    assert parsed["run"]["seconds"] == {"reading": 1.25, "network": 20.5}
    severe = replace(report, findings=(warning("B", "größer als 3 mm²"),))
    assert json.loads(severe.to_json())["findings"] == [
        {"code": "B", "severity": "warning", "message": "größer als 3 mm²", "action": ""}
    ]


def test_the_numbers_of_the_page_agree_with_each_other(report: Report) -> None:
    sizes = (281_523.0, 40_710.4, 1_003.2, 999.2, 18.0)
    pieces = tuple(piece(k, volume_mm3=size) for k, size in enumerate(sizes, start=1))
    bone = replace(
        report.bone, volume_cm3=sum(sizes) / 1000, pieces=len(sizes), smallest_piece_mm3=min(sizes)
    )
    page = page_of(replace(report, pieces=pieces, bone=bone))
    listed = [cells(page, one.name)[1] for one in pieces]
    assert listed == ["281.5 cm³", "40.7 cm³", "1.0 cm³", "999 mm³", "18 mm³"]
    total = re.findall("<b>([^<]*)</b>", page)[0]
    assert mm3(total) == pytest.approx(sum(map(mm3, listed)), abs=50 * (len(sizes) + 1))
    assert count(page, "pieces") == len(listed)
    assert row(page, "smallest") == listed[-1]


@pytest.mark.parametrize(("number", "words"), [(0, "0 pieces"), (1, "1 piece"), (2, "2 pieces")])
def test_one_is_one_and_many_are_many(report: Report, number: int, words: str) -> None:
    bone = replace(report.bone, pieces=number)
    pieces = tuple(piece(k) for k in range(1, number + 1))
    assert f"<b>{words}</b>" in page_of(replace(report, bone=bone, pieces=pieces))


def test_warnings_about_scan_and_result_are_counted_together(report: Report) -> None:
    flags = (FlagFacts("METAL", Severity.WARNING, "metal"), FlagFacts("B", Severity.INFO, "some"))
    page = page_of(replace(report, findings=(warning("A", "odd"), info("C", "fine")), flags=flags))
    assert count(page, "warnings") == 2
    assert count(page_of(report), "warnings") == 0


def test_codes_stand_in_small_labels_only(report: Report) -> None:
    flags = (FlagFacts("SOME_FLAG", Severity.WARNING, "metal"),)
    page = page_of(replace(report, findings=(warning("SOME_FINDING", "odd"),), flags=flags))
    running = re.sub("<code>[^<]*</code>", "", page.split("</style>")[1])
    assert re.findall(r"\b[A-Z]+_[A-Z_]+\b", running) == []


def test_the_patients_right_is_only_named_where_it_is_known(report: Report) -> None:
    flags = (FlagFacts("METAL", Severity.WARNING, "metal"),)
    assert 'class="sides"' in page_of(replace(report, flags=flags))
    assumed = replace(report, flags=flags, findings=(info("ORIENTATION_ASSUMED", "taken so"),))
    assert 'class="sides"' not in page_of(assumed)


def test_a_browser_shows_the_bones_in_the_page(report: Report, browser) -> None:
    ball = trimesh.creation.icosphere(radius=40)
    mesh = Mesh(np.asarray(ball.vertices) + np.array([-120, -900, 400]), np.asarray(ball.faces))
    turning = turning_page([Part("left femur", mesh, (200, 193, 137))])
    picture = browser.picture(render_page(report, OVERLAY, SCENE, turning), (1000, 3200))
    hue = picture / np.maximum(picture.sum(axis=-1, keepdims=True), 1)
    olive = np.abs(hue - np.array([200, 193, 137]) / 530).max(axis=-1) < 0.02
    lit = olive & (picture.sum(axis=-1) > 0.5 * 530)
    # A disc as high as four fifths of the frame's 620 pixels, dark only towards its rim.
    disc = np.pi / 4 * (620 / 1.26) ** 2
    assert 0.7 * disc < lit.sum() < disc


def test_a_name_says_how_often_such_a_name_is_right_and_never_always(report: Report) -> None:
    femur = BoneName(Bone.FEMUR, Side.LEFT, sureness=0.934, side_sureness=0.9999)
    named = piece(1, bone=femur, name="left femur")
    assert holds(cells(page_of(replace(report, pieces=(named,))), "left femur")[0], "93 %", "99 %")
    assert cells(page_of(report), "piece 1")[0] == "–"
