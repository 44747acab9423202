import json
import re
from dataclasses import replace

from tests.refusals import holds

from afunet.evaluation.power import Power
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
from afunet.report.comparison.markdown import as_markdown, comparison_markdown
from afunet.report.comparison.page import comparison_page
from afunet.report.comparison.tables import (
    Grid,
    costs,
    hard_parts,
    power,
    printed_by_the_paper,
    runs,
    scores,
    significance,
    summary,
)

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
        weights=("ab12",),
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
    PairedTest(5, 0.004, 0.008, 0.0),
    Power(5, 0.025, 0.0123, 0.0234, 9, 7),
)


def table(*rows: RowFacts, reference: str | None = None) -> TableFacts:
    return TableFacts("Table 1", reference, rows)


def facts(*rows: RowFacts, data: DataFacts = DATA, waiting: int = 0) -> ComparisonFacts:
    return ComparisonFacts("1.0", "cpu", 1, "PyTorch 9", waiting, data, (table(*rows),), ())


def test_the_summary_is_one_row_for_each_method() -> None:
    shown = summary(
        table(row("unet", 0.8, paper=POOLED), row("afunet", 0.75, against=AGAINST), reference="u")
    )
    first, second = shown.rows
    assert first == ("UNET", "80.00 [70.00, 90.00]", "84.34", "–", "–", "–", "8.8", "1")
    assert second[2:6] == ("–", "-5.00 [-8.00, +1.00]", "0.008", "2.34")


def test_the_papers_numbers_stand_under_the_three_averages() -> None:
    rows = scores(table(row("unet", 0.8, paper=POOLED))).rows
    assert [line[2] for line in rows] == [
        "78.00 [50.00, 99.00]",
        "80.00 [70.00, 90.00]",
        "82.00",
        "84.34",
    ]
    assert rows[3][3:] == ("72.92", "87.36", "84.78")


def test_a_spread_over_seeds_stands_beside_the_mean() -> None:
    one = row("unet", 0.8)
    estimate = Estimate(0.8, 0.7, 0.9, seed_sd=0.0123)
    spread = {**one.scores, "per_case": dict.fromkeys(one.scores["per_case"], estimate)}
    shown = summary(table(replace(one, scores=spread)))
    assert shown.rows[0][1] == "80.00 ± 1.23 [70.00, 90.00]"


def test_every_test_stands_before_and_after_the_correction() -> None:
    shown = significance(table(row("unet", 0.8), row("afunet", 0.75, against=AGAINST)))
    assert shown is not None
    assert shown.rows == (
        (
            "AFUNET",
            "-5.00 [-8.00, +1.00]",
            "0.004 → 0.008",
            "0.062 → 0.125",
            "0.016 → 0.031",
            "1e-12 → 2e-12",
        ),
    )
    assert [re.sub(r"\D", "", name) for name in shown.heading[2:]] == ["5", "5", "7", "67"]


def test_power_tells_what_so_many_patients_show() -> None:
    shown = power(table(row("unet", 0.8), row("afunet", 0.75, against=AGAINST)))
    assert shown is not None
    assert shown.rows == (("AFUNET", "5", "0.0250", "1.23", "2.34", "9", "7"),)


def test_without_a_reference_nothing_is_tested() -> None:
    alone = table(row("unet", 0.8), reference="unet")
    assert (significance(alone), power(alone)) == (None, None)
    assert "→" not in comparison_page(facts(row("unet", 0.8)), {})


def test_costs_and_differences() -> None:
    network = row("afunet", 0.8, differs=("model = afunet", "steps = 3"))
    classical = row("grow", 0.5, cost=CostFacts(None, None, 0.05), seeds=(), weights=(), window="–")
    assert costs(table(network, classical)).rows == (
        ("AFUNET", "1,234,567", "8.8", "0.32", "128 px", "1", "model = afunet; steps = 3"),
        ("GROW", "–", "–", "0.05", "–", "–", "–"),
    )


def test_each_run_has_the_digest_of_its_weights() -> None:
    two = row("afunet", 0.8, seeds=(1, 4), weights=("aa", "bb"), validation_dice=(0.9, 0.91))
    assert runs(table(two)).rows == (("AFUNET", "1", "90.00", "aa"), ("AFUNET", "4", "91.00", "bb"))


def test_joint_line_small_pieces_and_false_bone() -> None:
    (found,) = hard_parts(table(row("unet", 0.8))).rows
    assert (found[:3], found[4:]) == (("UNET", "50.00", "75.00"), ("1.2",))
    assert holds(found[3], 6, 8)
    with_empty = row("unet", 0.8, hard=HardPart(None, 0.75, 0, 0.0, 0.0, 3.25))
    (found,) = hard_parts(table(with_empty)).rows
    assert (found[1], found[-1]) == ("–", "3.2")


def test_what_the_paper_averages_is_judged_by_its_own_numbers() -> None:
    fits = comparison_page(facts(row("unet", 0.8, paper=POOLED)), {})
    assert re.search(r"\b1 of 1 ", fits)
    odd = PublishedScores(89.44, 80.55, 88.45, 88.79)
    assert re.search(r"\b0 of 1 ", comparison_page(facts(row("afunet", 0.8, paper=odd)), {}))
    assert printed_by_the_paper([table(row("unet", 0.8))]) is None


def test_the_page_has_every_table_and_its_pictures_inside() -> None:
    shown = facts(row("unet", 0.8, paper=POOLED), row("afunet", 0.75, against=AGAINST), waiting=7)
    page = comparison_page(shown, {"forest.png": b"PNG", "curves.png": b""})
    for cell in ("1e-12 → 2e-12", "ab12", "1,234,567", "0.0250", "84.34"):
        assert f"<td>{cell}</td>" in page
    assert page.count("data:image/png;base64,") == 1
    assert "http://" not in page
    assert "https://" not in page
    assert re.search(r'class="waiting">7\b', page)
    assert 'class="waiting"' not in comparison_page(facts(row("unet", 0.8)), {})


def test_a_label_is_escaped() -> None:
    page = comparison_page(facts(row("unet", 0.8, label="<b>&")), {})
    assert "<td>&lt;b&gt;&amp;</td>" in page


def test_slices_without_bone_and_joints_without_a_valley_are_told() -> None:
    plain = comparison_page(facts(row("unet", 0.8)), {})
    empty = comparison_page(facts(row("unet", 0.8), data=replace(DATA, slices_without_bone=5)), {})
    assert "<li>5 " in empty
    assert "<li>5 " not in plain
    levels = {"a": 5, "b": 5}  # each case shows the valley between the joint's ends
    assert comparison_page(
        facts(row("unet", 0.8), data=replace(DATA, joint_levels=levels)), {}
    ) != (plain)


def test_markdown_is_the_summary_alone() -> None:
    shown = facts(row("unet", 0.8), row("afunet", 0.75, against=AGAINST), waiting=7)
    page = comparison_markdown(shown)
    assert as_markdown(summary(shown.tables[0])) in page
    assert page.count("\n| ") == 4
    assert holds(page, 7)
    assert as_markdown(Grid(("", "n"), (("a", "1"),))).splitlines() == [
        "|  | n |",
        "| --- | ---: |",
        "| a | 1 |",
    ]


def test_json_is_all_of_it() -> None:
    read = json.loads(facts(row("unet", 0.8)).to_json())
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
