import json
import re
from dataclasses import replace

from tests.refusals import holds

from afunet.evaluation.published import PublishedScores
from afunet.evaluation.statistics import Estimate, PairedTest
from afunet.report.comparison.against import AgainstReference
from afunet.report.comparison.facts import (
    ComparisonFacts,
    CostFacts,
    DataFacts,
    RowFacts,
    TableFacts,
)
from afunet.report.comparison.forest import draw_forest
from afunet.report.comparison.hard_part import HardPart
from afunet.report.comparison.markdown import comparison_markdown

DATA = DataFacts("knee", "test", "all that are labelled", 12, 3, 2, 0, 4, {"a": 5, "b": None})
POOLED = PublishedScores(84.34, 72.92, 87.36, 84.78)


def row(name: str, dice: float, **changes: object) -> RowFacts:
    metrics = ("dice", "iou", "recall", "precision")
    scores = {
        "per_slice": {metric: Estimate(dice - 0.02, 0.5, 0.99) for metric in metrics},
        "per_case": {metric: Estimate(dice, dice - 0.1, dice + 0.1) for metric in metrics},
        "pooled": {metric: Estimate(dice + 0.02) for metric in metrics},
    }
    made = RowFacts(
        name=name,
        label=name.upper(),
        trained=True,
        seeds=(1,),
        window="128 px",
        differs=(),
        scores=scores,
        hard=HardPart(0.5, 0.75, 8, 6.0, 1.25, None),
        cost=CostFacts(1234567, 8.76, 0.321),
        against=None,
        paper=None,
        validation_dice=(0.9,),
        case_dice={"a": dice},
    )
    return replace(made, **changes)  # type: ignore[arg-type]


AGAINST = AgainstReference(
    Estimate(-0.05, -0.08, 0.01),
    {
        "patient": PairedTest(5, 0.0625, 0.125, 0.0625),
        "case": PairedTest(7, 0.015625, 0.03125, 0.015625),
        "slice": PairedTest(67, 1e-12, 2e-12, 2 / 2**67),
    },
)


def facts(*rows: RowFacts, reference: str | None = None, data: DataFacts = DATA) -> ComparisonFacts:
    return ComparisonFacts("1.0", "cpu", 1, data, (TableFacts("Table 1", reference, rows),), ())


def cells(page: str, start: str) -> list[str]:
    line = next(line for line in page.splitlines() if line.startswith(f"| {start}"))
    return [cell.strip() for cell in line.strip("|").split("|")]


def test_the_papers_numbers_stand_under_the_three_averages() -> None:
    page = comparison_markdown(facts(row("unet", 0.8, paper=POOLED)))
    lines = page.splitlines()
    first = next(i for i, line in enumerate(lines) if "**UNET**" in line)
    rows = [[cell.strip() for cell in line.split("|")] for line in lines[first : first + 4]]
    assert [row[3] for row in rows[:2]] == ["78.00 [50.00, 99.00]", "80.00 [70.00, 90.00]"]
    assert rows[2][3] == "82.00"
    assert rows[3][3:7] == ["*84.34*", "*72.92*", "*87.36*", "*84.78*"]


def test_a_spread_over_seeds_stands_beside_the_mean() -> None:
    one = row("unet", 0.8)
    estimate = Estimate(0.8, 0.7, 0.9, seed_sd=0.0123)
    scores = {**one.scores, "per_case": dict.fromkeys(one.scores["per_case"], estimate)}
    page = comparison_markdown(facts(replace(one, scores=scores)))
    assert "80.00 ± 1.23 [70.00, 90.00]" in page


def test_tests_tell_the_smallest_p_there_can_be() -> None:
    page = comparison_markdown(
        facts(row("unet", 0.8), row("afunet", 0.75, against=AGAINST), reference="unet")
    )
    assert cells(page, "AFUNET | -5.00") == [
        "AFUNET",
        "-5.00 [-8.00, +1.00]",
        "0.062 → 0.125",
        "0.016 → 0.031",
        "1e-12 → 2e-12",
    ]
    notes = page.split("|\n")  # what stands below a table
    assert any(holds(note.split("|")[0], 5, "0.062", 7, "0.016") for note in notes)


def test_without_a_reference_nothing_is_tested() -> None:
    for reference in (None, "unet"):
        assert "→" not in comparison_markdown(facts(row("unet", 0.8), reference=reference))


def test_costs_and_differences() -> None:
    network = row("afunet", 0.8, differs=("model = afunet", "steps = 3"))
    classical = row("grow", 0.5, cost=CostFacts(None, None, 0.05), seeds=(), window="–")
    page = comparison_markdown(facts(network, classical))
    assert cells(page, "AFUNET | 1,234,567") == [
        "AFUNET",
        "1,234,567",
        "8.8",
        "0.32",
        "128 px",
        "1",
        "`model = afunet`; `steps = 3`",
    ]
    assert cells(page, "GROW | –") == ["GROW", "–", "–", "0.05", "–", "–", "–"]


def test_joint_line_small_pieces_and_false_bone() -> None:
    page = comparison_markdown(facts(row("unet", 0.8)))
    found = cells(page, "UNET | 50.00")
    assert (found[:3], found[4:]) == (["UNET", "50.00", "75.00"], ["1.2"])
    assert holds(found[3], 6, 8)
    without_empty = page
    levels = {"a": 5, "b": 5}  # each case shows the valley between the joint's ends
    assert (
        comparison_markdown(facts(row("unet", 0.8), data=replace(DATA, joint_levels=levels)))
        != page
    )
    with_empty = row("unet", 0.8, hard=HardPart(None, 0.75, 0, 0.0, 0.0, 3.25))
    page = comparison_markdown(facts(with_empty, data=replace(DATA, slices_without_bone=5)))
    assert cells(page, "UNET | –")[-1] == "3.2"
    assert any(line.startswith("- 5 ") for line in page.splitlines())
    assert not any(line.startswith("- 5 ") for line in without_empty.splitlines())


def test_what_the_paper_averages_is_judged_by_its_own_numbers() -> None:
    fits = comparison_markdown(facts(row("unet", 0.8, paper=POOLED)))
    assert re.search(r"\b1 \w+ 1 ", fits)
    odd = PublishedScores(89.44, 80.55, 88.45, 88.79)
    page = comparison_markdown(facts(row("afunet", 0.8, paper=odd)))
    assert fits.count("**") == page.count("**") + 2  # it names the average that fits
    assert re.search(r"\b0 \w+ 1 ", page)
    plain = comparison_markdown(facts(row("unet", 0.8)))
    assert plain.count("\n## ") == fits.count("\n## ") - 1


def test_json_is_all_of_it() -> None:
    read = json.loads(facts(row("unet", 0.8), reference="unet").to_json())
    assert read["tables"][0]["rows"][0]["scores"]["pooled"]["dice"]["value"] == 0.8200000000000001
    assert read["data"]["joint_levels"] == {"a": 5, "b": None}


def test_the_forest_grows_with_its_rows() -> None:
    small = draw_forest([TableFacts("T", "unet", (row("unet", 0.8),))])
    large = draw_forest(
        [TableFacts("T", "unet", (row("unet", 0.8),)), TableFacts("U", None, (row("b", 0.7),))]
    )
    assert png_size(large)[1] > png_size(small)[1]


def png_size(png: bytes) -> tuple[int, int]:
    assert png.startswith(b"\x89PNG")
    return int.from_bytes(png[16:20]), int.from_bytes(png[20:24])
