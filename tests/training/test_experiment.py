from pathlib import Path

import pytest
import torch
from tests.refusals import refused

from afunet.errors import ConfigError
from afunet.evaluation.published import PublishedScores
from afunet.models import build_model
from afunet.training.config import TrainingConfig, config_to_json, parse_config
from afunet.training.experiment import Experiment, load_experiment, load_experiments
from afunet.training.toml_file import parse_toml, read_toml

EXPERIMENTS = Path(__file__).parents[2] / "experiments"
BASE = 'model = "unet"\noptions = { width = 2 }\nsteps = 5\nseed = 7\n[[data]]\npath = "knee"\n'
ROW = '[experiment]\nlabel = "A"\ntable = "T"\n'


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "base.toml").write_text(BASE, encoding="utf-8")
    return tmp_path


def write(folder: Path, name: str, text: str) -> Path:
    path = folder / name
    path.write_text(text, encoding="utf-8")
    return path


def test_a_row_is_a_recipe_with_a_label(folder: Path) -> None:
    path = write(folder, "mine.toml", 'extends = "base.toml"\nsteps = 9\n' + ROW)
    row = load_experiment(path)
    assert (row.name, row.label, row.table, row.seeds, row.reference) == (
        "mine",
        "A",
        "T",
        (7,),
        False,
    )
    assert isinstance(row.training, TrainingConfig)
    assert (row.training.steps, row.training.model) == (9, "unet")
    assert (row.run_name, row.base, row.window, row.paper) == ("mine", folder, "as trained", None)


def test_each_seed_is_the_same_training_with_another_seed(folder: Path) -> None:
    row = load_experiment(write(folder, "a.toml", 'extends = "base.toml"\n' + ROW + "seeds=[1, 2]"))
    assert row.training is not None
    assert row.seeds == (1, 2)
    assert [row.of_seed(seed).seed for seed in row.seeds] == [1, 2]
    assert row.of_seed(7) == row.training


def test_a_row_can_reuse_the_runs_of_another_file(folder: Path) -> None:
    source = write(folder, "unet.toml", 'extends = "base.toml"\n' + ROW + "seeds = [3, 4]")
    (folder / "windows").mkdir()
    path = write(
        folder / "windows",
        "whole.toml",
        ROW + 'weights_of = "../unet.toml"\nwindow = "slice"\n',
    )
    row = load_experiment(path)
    assert (row.name, row.run_name, row.window, row.seeds) == ("whole", "unet", "slice", (3, 4))
    assert row.training == load_experiment(source).training
    assert row.base.resolve() == folder.resolve()


def test_a_classical_row_trains_nothing(folder: Path) -> None:
    row = load_experiment(write(folder, "a.toml", ROW + 'classical = "clustering"'))
    assert (row.training, row.seeds, row.classical) == (None, (), "clustering")
    with refused(ConfigError, "NOTHING_TO_TRAIN"):
        row.of_seed(1)


def test_the_papers_scores_are_kept_as_printed(folder: Path) -> None:
    scores = "[experiment.paper]\ndice = 84.34\niou = 72.92\nrecall = 87.36\nprecision = 84.78\n"
    row = load_experiment(write(folder, "a.toml", 'extends = "base.toml"\n' + ROW + scores))
    assert row.paper == PublishedScores(84.34, 72.92, 87.36, 84.78)


@pytest.mark.parametrize(
    ("text", "code", "named"),
    [
        (ROW + "colour = 1", "CONFIG_ERROR", ("[experiment]", "['colour']", "['label'")),
        ("[experiment]\nlabel = 'A'", "CONFIG_ERROR", ("[experiment]", "table")),
        (ROW + "seeds = 3", "CONFIG_ERROR", ("seeds", 3)),
        (ROW + "seeds = [1, 1]", "CONFIG_ERROR", ("seeds", [1, 1])),
        (ROW + "window = 'all'", "CONFIG_ERROR", ("window", '"slice"', '"as trained"', "'all'")),
        (ROW + "window = 8", "CONFIG_ERROR", ("window", 32, 8)),
        (ROW + "threshold = 1.0", "CONFIG_ERROR", ("threshold", 1.0)),
        (ROW + "window = true", "CONFIG_ERROR", ("[experiment]", "window", True)),
        (ROW + "reference = 1", "CONFIG_ERROR", ("[experiment]", "reference", 1)),
        (ROW + "[experiment.paper]\ndice = 1", "CONFIG_ERROR", ("[experiment]", "paper", "iou")),
        ("steps = 3\n" + ROW + "classical = 'x'", "OPTIONS_CLASH", ("steps",)),
        ("steps = 3\n" + ROW + "weights_of = 'b'", "OPTIONS_CLASH", ("weights_of", "steps")),
        (ROW + "classical = 'x'\nseeds = [1]", "OPTIONS_CLASH", ("seeds", "window")),
        (ROW + "classical = 'x'\nthreshold = 0.4", "OPTIONS_CLASH", ("threshold",)),
        (ROW, "NO_TRAINING_DATA", ("[[data]]",)),
        ("stepz = 3\nextends = 'base.toml'\n" + ROW, "CONFIG_ERROR", ("['stepz']",)),
        ("steps = 3", "NO_EXPERIMENT", ("[experiment]",)),
    ],
)
def test_what_makes_no_sense_is_one_line_with_the_file(
    folder: Path, text: str, code: str, named: tuple[object, ...]
) -> None:
    path = write(folder, "odd.toml", text)
    with refused(ConfigError, code, path, *named):
        load_experiment(path)


def names(rows: tuple[Experiment, ...]) -> list[str]:
    return [row.name for row in rows]


def test_lists_and_folders_stand_for_their_rows_and_recipes_are_passed_over(folder: Path) -> None:
    for name in ("a", "b", "c"):
        write(folder, f"{name}.toml", 'extends = "base.toml"\n' + ROW)
    rows = write(folder, "z.toml", 'rows = ["c.toml", "a.toml"]')
    assert names(load_experiments([rows])) == ["c", "a"]
    assert names(load_experiments([folder])) == ["a", "b", "c"]  # none twice
    assert names(load_experiments([folder / "base.toml", folder / "b.toml"])) == ["b"]
    with refused(ConfigError, "NOTHING_TO_COMPARE"):
        load_experiments([folder / "base.toml"])


def test_a_list_has_rows_only(folder: Path) -> None:
    with refused(ConfigError, "NO_EXPERIMENT", "base.toml"):
        load_experiments([write(folder, "z.toml", 'rows = ["base.toml"]')])
    with refused(ConfigError, "OPTIONS_CLASH"):
        load_experiments([write(folder, "z.toml", 'rows = ["base.toml"]\nsteps = 3')])


def test_a_list_gives_its_rows_their_seeds(folder: Path) -> None:
    row = 'extends = "base.toml"\n' + ROW
    write(folder, "a.toml", row)
    write(folder, "b.toml", ROW + 'classical = "clustering"')
    first = write(folder, "y.toml", 'rows = ["a.toml", "b.toml"]\nseeds = [3, 1]')
    other = write(folder, "z.toml", 'rows = ["a.toml"]\nseeds = [1, 4]')
    assert [row.seeds for row in load_experiments([first])] == [(3, 1), ()]
    assert [row.seeds for row in load_experiments([first, other])] == [(3, 1, 4), ()]
    for odd in ("3", '["x"]', "[true]"):
        with refused(ConfigError, "CONFIG_ERROR", "seeds"):
            load_experiments([write(folder, "x.toml", f'rows = ["a.toml"]\nseeds = {odd}')])
    with refused(ConfigError, "CONFIG_ERROR", [-1]):
        load_experiments([write(folder, "x.toml", 'rows = ["a.toml"]\nseeds = [-1]')])


def test_names_and_references_are_told_apart(folder: Path) -> None:
    row = 'extends = "base.toml"\n' + ROW
    (folder / "other").mkdir()
    first = write(folder, "a.toml", row)
    same_name = write(folder / "other", "a.toml", row.replace("base", "../base"))
    with refused(ConfigError, "NAMED_TWICE", "'a'"):
        load_experiments([first, same_name])
    pair = [write(folder, f"{name}.toml", row + "reference = true") for name in ("b", "c")]
    with refused(ConfigError, "NAMED_TWICE", "'T'"):
        load_experiments(pair)


FILES = sorted(EXPERIMENTS.rglob("*.toml"))


@pytest.mark.parametrize("path", FILES, ids=[str(path.relative_to(EXPERIMENTS)) for path in FILES])
def test_every_file_of_experiments_parses_and_its_network_builds(path: Path) -> None:
    raw = parse_toml(path)
    if "rows" in raw:
        assert len(load_experiments([path])) == len(raw["rows"])
        return
    if "point" in raw:  # a curve of compressed networks; their recipes are files of their own
        assert {path.parent / one["recipe"] for one in raw["point"] if "recipe" in one} <= {*FILES}
        return
    training = load_experiment(path).training if "experiment" in raw else None
    if training is None and "experiment" not in raw:
        training = parse_config(read_toml(path))
    if training is not None:
        with torch.device("meta"):  # neither time nor memory
            build_model(training.model, training.options)


def test_all_experiments_together_make_one_comparison() -> None:
    rows = load_experiments(sorted(EXPERIMENTS.glob("*.toml")))
    on_disk = [path for path in FILES if "experiment" in parse_toml(path)]
    assert sorted(names(rows)) == sorted(path.stem for path in on_disk)  # no row is in no list
    tables = {row.table for row in rows}
    with_reference = {row.table for row in rows if row.reference}
    assert len(tables - with_reference) == 1  # windows at inference


READINGS = "What the paper leaves open: one reading changed at a time"


def test_compared_networks_share_windows_and_recalibration() -> None:
    rows = [row for row in load_experiments([EXPERIMENTS]) if row.training is not None]
    for title in {row.table for row in rows} - {READINGS}:
        shared = {
            (
                one.crop.size_px,
                one.recalibration_batches,
                one.steps_for(800),
                one.batch_size,
                one.average_decay,
                one.deterministic,
            )
            for one in (row.training for row in rows if row.table == title)
            if one is not None
        }
        assert len(shared) == 1, title


def test_each_reading_of_the_paper_is_one_change() -> None:
    rows = load_experiments([EXPERIMENTS / "readings.toml"])
    (reference,) = [row for row in rows if row.reference]
    for row in rows:
        changed = {key for key, value in settings(row).items() if value != settings(reference)[key]}
        assert len(changed) == (0 if row is reference else 1), (row.name, changed)


def settings(row: Experiment) -> dict[str, object]:
    """What a reading may change; distortions of grey values belong together."""
    assert row.training is not None
    given = config_to_json(row.training)
    augment = given.pop("augment")
    photometric = {key: augment.pop(key) for key in ("contrast", "brightness", "gamma")}
    averaging = {key: given.pop(key) for key in ("average_decay", "recalibration_batches")}
    inference = {"window": row.window, "threshold": row.threshold}
    return {**given, **augment, "photometric": photometric, "averaging": averaging, **inference}


def test_an_order_of_worth_names_every_row_of_its_tables() -> None:
    for name, tables in (
        ("reproduction", ("table1", "table3", "equal", "baselines")),
        ("paper_protocol", ("paper_protocol",)),
        ("readings", ("readings",)),
    ):
        rows = load_experiments([EXPERIMENTS / f"{name}.toml"])
        on_disk = [path.stem for table in tables for path in (EXPERIMENTS / table).glob("*.toml")]
        assert sorted(names(rows)) == sorted(on_disk)
        assert {row.seeds for row in rows if row.training} == {(1, 2, 3)}
