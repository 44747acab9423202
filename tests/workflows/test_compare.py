"""End to end on a tiny slice folder with networks of width 2 and two steps."""

from __future__ import annotations

import json
from hashlib import sha256
from math import inf
from pathlib import Path

import numpy as np
import pytest
import typer
from PIL import Image
from tests.refusals import refused
from typer.testing import CliRunner

from afunet.cli.compare import compare as compare_command
from afunet.cli.door import at_the_door
from afunet.data.sampler import CropSampler
from afunet.errors import Cancelled, ConfigError, InputError, OutputError
from afunet.inference.device_choice import DeviceChoice
from afunet.plan import Moment, PlannedProgress
from afunet.watch import UNWATCHED, Watch
from afunet.workflows import compare as workflow
from afunet.workflows import contenders, finished_runs
from afunet.workflows.compare import Comparison, compare
from afunet.workflows.finished_runs import CompareOptions

SIZE = 40
RECIPE = """
model = "afunet"
options = { width = 2, depth = 1 }
steps = 2
batch_size = 2
crop = { size_px = 32, planned = 0.5 }
recalibration_batches = 1
validate_every = 1
seed = 1
[[data]]
path = "store"
"""


def write_case(folder: Path, case: str, areas: list[int]) -> None:
    """Slices with a bright square of about so many pixels of bone on flesh."""
    rng = np.random.default_rng(len(case))
    for kind in ("images", "masks"):
        (folder / case / kind).mkdir(parents=True)
    for level, area in enumerate(areas):
        side = round(area**0.5)
        mask = np.zeros((SIZE, SIZE), np.uint8)
        mask[5 : 5 + side, 8 : 8 + side] = 1
        grey = (60 + 120 * mask + rng.integers(0, 20, mask.shape)).astype(np.uint8)
        Image.fromarray(grey).save(folder / case / "images" / f"{level:02d}.png")
        Image.fromarray(mask).save(folder / case / "masks" / f"{level:02d}.png")


@pytest.fixture
def lab(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A slice folder `store` and the experiments `plain`, `af` and `whole` (plain's weights)."""
    monkeypatch.chdir(tmp_path)
    store = tmp_path / "store"
    lines = ["case,patient,slice,split,status,labelled"]
    for case, patient, split, areas in (
        ("t1", "t1", "train", [100, 144, 64]),
        ("v1", "v1", "val", [100, 81]),
        ("aL", "a", "test", [400, 225, 49, 256, 324]),  # the joint at level 2
        ("aR", "a", "test", [100, 121]),
        ("b", "b", "test", [196, 0]),
    ):
        write_case(store, case, areas)
        status = ["auto" if case == "aR" and level == 1 else "checked" for level in range(9)]
        lines += [f"{case},{patient},{i},{split},{status[i]},1" for i in range(len(areas))]
    (store / "slices.csv").write_text("\n".join(lines) + "\n")
    rows = tmp_path / "rows"
    rows.mkdir()
    (rows / "base.toml").write_text(RECIPE)
    (rows / "plain.toml").write_text(
        'extends = "base.toml"\noptions = { bottleneck = "none", fusion = "concat" }\n'
        '[experiment]\nlabel = "plain"\ntable = "Table"\nreference = true\n'
        "[experiment.paper]\ndice = 84.34\niou = 72.92\nrecall = 87.36\nprecision = 84.78\n"
    )
    (rows / "af.toml").write_text(
        'extends = "base.toml"\noptions = { bottleneck = "none" }\n'
        '[experiment]\nlabel = "AF"\ntable = "Table"\nseeds = [1, 2]\n'
    )
    (rows / "whole.toml").write_text(
        '[experiment]\nlabel = "whole slices"\ntable = "Windows"\nweights_of = "plain.toml"\n'
        'window = "slice"\n'
    )
    return tmp_path


@pytest.fixture
def no_pictures(monkeypatch: pytest.MonkeyPatch) -> None:
    """Most of a run's time; the first test draws them all."""
    for name in ("draw_panel", "draw_curves", "draw_forest"):
        monkeypatch.setattr(workflow, name, lambda *_: b"")


def run(
    lab: Path, *names: str, watch: Watch = UNWATCHED, hours: float = inf, runs: str = "runs"
) -> Comparison:
    options = CompareOptions(
        "store", status="checked", runs=lab / runs, device=DeviceChoice.CPU, threads=1, hours=hours
    )
    return compare(
        [lab / "rows" / f"{name}.toml" for name in names],
        lab / "out",
        options,
        watch=watch,
    )


@pytest.mark.usefixtures("no_pictures")
def test_a_picture_that_fails_costs_itself_alone(
    lab: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object) -> bytes:
        raise ValueError("Quillfeather")

    monkeypatch.setattr(workflow, "draw_forest", fail)
    done = run(lab, "plain", "af")
    assert [(one.format, one.code) for one in done.not_written] == [("forest.png", "PROGRAM_ERROR")]
    assert "forest.png" not in [path.name for path in done.files]
    assert "Quillfeather" not in str(done.not_written)
    assert {path.name for path in (lab / "out").iterdir()} == {
        ".afunet.json",
        *(path.name for path in done.files),
    }
    assert "comparison.md" in [path.name for path in done.files]


@pytest.mark.usefixtures("no_pictures")
def test_rows_are_told_one_by_one_with_the_time_left(lab: Path) -> None:
    """Trained or reused: the second time only judging is left, of which nothing is left either."""
    planned = {step.name for step in workflow.PLAN}
    for fewest in (4, 1):
        seen: list[Moment] = []
        run(lab, "plain", "af", watch=Watch(PlannedProgress(seen.append, workflow.PLAN)))
        told = {moment.case for moment in seen if moment.stage == "training"}
        assert told <= {"plain", "AF, seed 1", "AF, seed 2"}
        assert len(planned & {moment.stage for moment in seen}) >= fewest
        assert seen[-1].seconds_left == pytest.approx(0)
        assert seen[-1].fraction == pytest.approx(1)
        shares = [moment.fraction or 0.0 for moment in seen]
        assert shares == sorted(shares)


def test_rows_are_trained_judged_and_written(lab: Path) -> None:
    done = run(lab, "plain", "af", "whole")
    assert [path.name for path in done.files] == [
        "comparison.html",
        "comparison.json",
        "comparison.md",
        "curves.png",
        "forest.png",
        "panel.png",
    ]
    assert sorted(path.name for path in (lab / "runs").iterdir()) == [
        "af-seed1",
        "af-seed2",
        "plain-seed1",
    ]
    data = done.facts.data
    assert (data.slices, data.cases, data.patients) == (8, 3, 2)
    assert (data.slices_without_bone, data.joint_line_slices) == (1, 5)
    assert data.joint_levels == {"aL": 2, "aR": None, "b": None}
    table, windows = done.facts.tables
    plain, fused = table.rows
    assert (table.reference, plain.against, windows.rows[0].against) == ("plain", None, None)
    assert fused.against is not None
    assert {unit: test.pairs for unit, test in fused.against.tests.items()} == {
        "patient": 2,
        "case": 3,
        "slice": 7,
    }
    assert fused.differs == ("options.fusion = default",)
    assert len(fused.validation_dice) == 2
    assert (plain.window, windows.rows[0].window) == ("32 px", "whole slice")
    assert fused.scores["pooled"]["dice"].seed_sd is not None
    assert plain.cost.parameters == windows.rows[0].cost.parameters
    assert plain.cost.seconds_per_slice > 0
    assert plain.hard.false_bone_px is not None
    assert "84.34" in (lab / "out" / "comparison.md").read_text()
    page = (lab / "out" / "comparison.html").read_text()
    assert page.count("data:image/png") == 3
    for weights in (*plain.weights, *fused.weights):
        assert f"<td>{weights}</td>" in page
    saved = json.loads((lab / "out" / "comparison.json").read_text())
    assert saved["tables"][0]["rows"][0]["label"] == "plain"


Trained = list[str]


@pytest.fixture
def trained(monkeypatch: pytest.MonkeyPatch) -> Trained:
    """The runs whose training began, in order; the time is up when `af-seed2` begins."""
    begun: Trained = []
    train = contenders.train_network

    def stopping_train(config, folder, **options):  # type: ignore[no-untyped-def]
        if contenders.finished_run(config, folder) is None:
            begun.append(folder.name)
            if folder.name == "af-seed2" and begun.count("af-seed2") == 1:
                options["watch"].cancel.cancel()
        return train(config, folder, **options)

    monkeypatch.setattr(contenders, "train_network", stopping_train)
    return begun


@pytest.mark.usefixtures("no_pictures")
def test_a_stopped_comparison_goes_on_and_computes_nothing_twice(
    lab: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    scored: list[int] = []
    score, train = finished_runs.score_slices, contenders.train_network
    watch = Watch()

    def counting_score(mask_of, slices, watch):  # type: ignore[no-untyped-def]
        scored.append(len(slices))
        return score(mask_of, slices, watch)

    def stopping_train(config, folder, **options):  # type: ignore[no-untyped-def]
        if folder.name == "af-seed2":
            watch.cancel.cancel()
        return train(config, folder, **options)

    monkeypatch.setattr(finished_runs, "score_slices", counting_score)
    with monkeypatch.context() as stopped:
        stopped.setattr(contenders, "train_network", stopping_train)
        with pytest.raises(Cancelled):
            run(lab, "plain", "af", watch=watch)
    assert scored == [8, 8]
    assert not (lab / "out").exists()
    first = run(lab, "plain", "af")
    assert scored == [8, 8, 8]  # the first seeds are kept; the second of af comes now
    again = run(lab, "plain", "af")
    assert scored == [8, 8, 8]
    assert again.facts.tables[0].rows[1].scores == first.facts.tables[0].rows[1].scores


@pytest.mark.usefixtures("no_pictures")
def test_when_the_time_is_up_what_is_finished_is_compared(lab: Path, trained: Trained) -> None:
    (lab / "rows" / "all.toml").write_text('rows = ["af.toml", "plain.toml"]\nseeds = [1, 2]\n')
    first = run(lab, "all")
    assert trained == ["af-seed1", "plain-seed1", "af-seed2"]
    assert first.waiting == 2
    assert [row.seeds for row in first.facts.tables[0].rows] == [(1,), (1,)]
    (lab / "rows" / "all.toml").write_text('rows = ["plain.toml", "af.toml"]\nseeds = [1, 2]\n')
    second = run(lab, "all", hours=60)
    assert trained[3:] == ["plain-seed2", "af-seed2"]
    assert (second.waiting, second.facts.tables[0].rows[1].seeds) == (0, (1, 2))


@pytest.mark.usefixtures("no_pictures")
def test_rows_are_compared_over_the_seeds_that_both_have(lab: Path) -> None:
    (lab / "rows" / "two.toml").write_text('rows = ["af.toml"]\nseeds = [2, 1]\n')
    (lab / "rows" / "other.toml").write_text('rows = ["plain.toml"]\nseeds = [3, 2]\n')
    rows = {row.name: row for row in run(lab, "two", "other").facts.tables[0].rows}
    assert (rows["af"].seeds, rows["plain"].seeds) == ((2, 1), (3, 2))
    assert rows["af"].against is not None
    assert rows["af"].against.dice_difference.seed_sd is None  # over seed 2 alone
    (lab / "rows" / "other.toml").write_text('rows = ["plain.toml"]\nseeds = [3]\n')
    rows = {row.name: row for row in run(lab, "two", "other").facts.tables[0].rows}
    assert rows["af"].against is None


@pytest.mark.usefixtures("no_pictures")
def test_after_the_time_no_run_is_begun_and_finished_ones_are_read(
    lab: Path, trained: Trained
) -> None:
    run(lab, "plain")
    done = run(lab, "plain", "af", hours=1e-9)
    assert trained == ["plain-seed1"]
    assert (done.waiting, [row.name for row in done.facts.tables[0].rows]) == (2, ["plain"])
    with refused(OutputError, "TIME_IS_UP", 2):
        run(lab, "af", hours=1e-9)


def test_no_time_is_refused() -> None:
    with refused(ConfigError, "CONFIG_ERROR", 0):
        CompareOptions(hours=0)


@pytest.mark.usefixtures("no_pictures")
def test_rows_of_one_seed_see_the_same_crops_in_the_same_order(
    lab: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[list[str]] = []
    batch, sampler = CropSampler.batch, CropSampler.__init__

    def begun(self, *given, **options):  # type: ignore[no-untyped-def]
        seen.append([])
        sampler(self, *given, **options)

    def noted(self, *given):  # type: ignore[no-untyped-def]
        images, masks = batch(self, *given)
        seen[-1].append(sha256(images.numpy().tobytes() + masks.numpy().tobytes()).hexdigest())
        return images, masks

    monkeypatch.setattr(CropSampler, "__init__", begun)
    monkeypatch.setattr(CropSampler, "batch", noted)
    run(lab, "plain", "af")
    plain, fused, fused_second = seen
    assert len(set(plain)) > 2
    assert plain == fused
    assert not set(plain) & set(fused_second)


@pytest.mark.usefixtures("no_pictures")
def test_a_deterministic_row_has_the_same_bits_when_it_is_repeated(lab: Path) -> None:
    recipe = lab / "rows" / "base.toml"
    recipe.write_text("deterministic = true\n" + RECIPE)
    first, again = (run(lab, "af", runs=f"runs{place}") for place in range(2))
    one, other = (done.facts.tables[0].rows[0].weights for done in (first, again))
    assert len(set(one)) == 2  # of two seeds
    assert one == other
    assert first.facts.tables[0].rows[0].scores == again.facts.tables[0].rows[0].scores


@pytest.mark.usefixtures("no_pictures")
def test_scores_are_judged_anew_where_the_truth_changed(lab: Path) -> None:
    before = run(lab, "plain").facts.tables[0].rows[0]
    path = lab / "store" / "b" / "masks" / "00.png"
    Image.fromarray(np.ones((SIZE, SIZE), np.uint8)).save(path)
    after = run(lab, "plain").facts.tables[0].rows[0]
    assert before.case_dice["b"] != after.case_dice["b"]
    assert before.case_dice["aL"] == after.case_dice["aL"]


def test_a_network_trained_on_the_judged_patients_is_refused(lab: Path) -> None:
    other = lab / "other"
    write_case(other, "x1", [100])
    write_case(other, "x2", [100])
    (other / "slices.csv").write_text(
        "case,patient,slice,split,status,labelled\nx1,a,0,train,checked,1\nx2,y,0,val,checked,1\n"
    )
    path = lab / "rows" / "base.toml"
    path.write_text(RECIPE.replace('"store"', '"other"'))
    with refused(InputError, "SPLITS_OVERLAP", 1):
        run(lab, "plain")
    assert not (lab / "runs").exists()


def test_the_training_split_judges_nothing() -> None:
    with refused(ConfigError, "CONFIG_ERROR", "'train'"):
        CompareOptions(split="train")


def test_an_unknown_method_or_option_is_refused_before_the_work(lab: Path) -> None:
    (lab / "rows" / "odd.toml").write_text(
        '[experiment]\nlabel = "A"\ntable = "T"\nclassical = "guessing"\n'
    )
    with refused(ConfigError, "CONFIG_ERROR", "'guessing'"):
        run(lab, "plain", "odd")
    assert not (lab / "runs").exists()


@pytest.mark.usefixtures("no_pictures")
def test_the_command_prints_a_table_and_the_files(lab: Path) -> None:
    app = typer.Typer()
    app.command()(at_the_door(compare_command))
    arguments = ["rows/plain.toml", "-o", "out", "--data", "store", "--device", "cpu", "-q"]
    result = CliRunner().invoke(app, arguments)
    assert result.exit_code == 0, result.output
    assert len(result.output.splitlines()) > 3
    assert "plain" in result.output
    assert "84.34" in result.output
    assert "comparison.md" in result.output
