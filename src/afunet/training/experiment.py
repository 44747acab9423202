"""A row of a comparison: a training TOML with an `[experiment]` table, or a classical method.

    extends = "../base.toml"
    model = "unet"

    [experiment]
    label = "U-Net"
    table = "Table 1"
    reference = true

A file may instead list the files of rows: `rows = ["table1/unet.toml", …]`. With `seeds` it gives
its rows these seeds instead of their own. Rows are trained in the order of the list, all of them
with the first seed before any with the second.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from afunet.errors import ConfigError
from afunet.evaluation.published import PublishedScores
from afunet.plain import from_plain
from afunet.training.config import TrainingConfig, parse_config
from afunet.training.toml_file import parse_toml, read_experiment_table, read_toml

AS_TRAINED = "as trained"
WHOLE_SLICE = "slice"


@dataclass(frozen=True)
class ExperimentTable:
    """The keys of `[experiment]`, checked.

    Empty `seeds` mean the seed of the training. `window` is the side in px of the windows at
    inference, "slice" for whole slices, "as trained" for the size of the crops. A pixel is bone
    from the probability `threshold` on. `weights_of` is a TOML file, relative to this one, whose
    runs are used instead of training. `paper` holds the published scores in %.
    """

    label: str
    table: str
    seeds: tuple[int, ...] = ()
    reference: bool = False
    classical: str = ""
    window: int | str = AS_TRAINED
    threshold: float = 0.5
    weights_of: str = ""
    paper: PublishedScores | None = None

    def __post_init__(self) -> None:
        if not (self.label and self.table):
            raise ConfigError("[experiment] needs a label and a table")
        if not (isinstance(self.window, str) or self.window >= 32):
            raise ConfigError(f"window must be at least 32 px, got {self.window}")
        if isinstance(self.window, str) and self.window not in (AS_TRAINED, WHOLE_SLICE):
            raise ConfigError(
                f'window must be a number of px, "{WHOLE_SLICE}" or "{AS_TRAINED}", '
                f"got {self.window!r}"
            )
        if not 0 < self.threshold < 1:
            raise ConfigError(f"threshold must be between 0 and 1, got {self.threshold}")
        if len(set(self.seeds)) != len(self.seeds) or min(self.seeds, default=0) < 0:
            raise ConfigError(
                f"seeds must be different whole numbers, 0 or more, got {list(self.seeds)}"
            )
        of_networks = (self.weights_of, self.seeds, self.window, self.threshold)
        if self.classical and of_networks != ("", (), AS_TRAINED, 0.5):
            raise ConfigError(
                "a row with a classical method must not have seeds, window, threshold or "
                "weights_of",
                code="OPTIONS_CLASH",
            )


@dataclass(frozen=True)
class Experiment:
    """One row of a comparison: its name, its training and its table.

    `training` is None for a classical method. Runs are folders named `run_name`-seed<k>. `base`
    is the folder to which the training's paths are relative.
    """

    name: str
    label: str
    table: str
    training: TrainingConfig | None
    seeds: tuple[int, ...]
    reference: bool
    classical: str
    window: int | str
    threshold: float
    paper: PublishedScores | None
    run_name: str = field(default="")
    base: Path = field(default_factory=Path)

    def of_seed(self, seed: int) -> TrainingConfig:
        """The training with one seed."""
        if self.training is None:
            raise ConfigError(
                f"{self.name} is a classical method, which needs no training",
                code="NOTHING_TO_TRAIN",
            )
        return replace(self.training, seed=seed)


def load_experiments(paths: Iterable[Path]) -> tuple[Experiment, ...]:
    """The rows of TOML files and of folders of TOML files, in the order given, without repeats.

    A row that several lists name has the seeds of all of them. Recipes (files with neither
    `[experiment]` nor `rows`) are skipped. Raises `ConfigError` if no row is left, two rows share a
    name, or a table has two references.
    """
    listed: dict[Path, dict[int, None]] = {}
    for path in paths:
        for row, seeds in _rows(path):
            listed.setdefault(row.resolve(), {}).update(dict.fromkeys(seeds))
    experiments = tuple(load_experiment(path, tuple(seeds)) for path, seeds in listed.items())
    if not experiments:
        raise ConfigError(
            "nothing to compare: give a file with an [experiment] table or rows",
            code="NOTHING_TO_COMPARE",
        )
    for what, names in (
        ("rows are named", [row.name for row in experiments]),
        ("references are in table", [row.table for row in experiments if row.reference]),
    ):
        twice = sorted({name for name in names if names.count(name) > 1})
        if twice:
            raise ConfigError(f"two {what} {twice[0]!r}: keep one", code="NAMED_TWICE")
    return experiments


def load_experiment(path: Path, seeds: Sequence[int] = ()) -> Experiment:
    """Read one row; `ConfigError` for unknown keys and keys that exclude each other.

    `seeds` replace those of the file, unless it is a classical method.
    """
    raw = read_experiment_table(path)
    if raw is None:
        raise ConfigError(
            f"{path} is a recipe without an [experiment] table: add one to compare it",
            code="NO_EXPERIMENT",
        )
    try:
        table = _table(raw)
        if seeds and not table.classical:
            table = replace(table, seeds=tuple(seeds))
        return _experiment(path, table, read_toml(path))
    except ConfigError as error:
        raise ConfigError(f"{path}: {error}", code=error.code) from error


def _experiment(path: Path, table: ExperimentTable, recipe: Mapping[str, Any]) -> Experiment:
    if (table.classical or table.weights_of) and recipe:
        what = "a classical row" if table.classical else "a row with weights_of"
        raise ConfigError(
            f"{what} needs no training: remove {', '.join(sorted(recipe))}", code="OPTIONS_CLASH"
        )
    source = path.parent / table.weights_of if table.weights_of else path
    training = None if table.classical else _training(source, recipe if source == path else None)
    own = (training.seed,) if training else ()
    return Experiment(
        name=path.stem,
        label=table.label,
        table=table.table,
        training=training,
        seeds=table.seeds or (_seeds_of(source) if table.weights_of else ()) or own,
        reference=table.reference,
        classical=table.classical,
        window=table.window,
        threshold=table.threshold,
        paper=table.paper,
        run_name=source.stem,
        base=source.parent,
    )


def _training(source: Path, recipe: Mapping[str, Any] | None) -> TrainingConfig:
    return parse_config(read_toml(source) if recipe is None else recipe)


def _seeds_of(source: Path) -> tuple[int, ...]:
    raw = read_experiment_table(source)
    return _table(raw).seeds if raw else ()


def _rows(path: Path) -> Iterable[tuple[Path, Sequence[int]]]:
    """The files of rows in a folder or a list, with the list's seeds; or the file itself."""
    if path.is_dir():
        for file in sorted(path.rglob("*.toml")):
            yield from _rows(file)
        return
    raw = parse_toml(path)
    rows = raw.get("rows", [])
    if not isinstance(rows, list) or not all(isinstance(row, str) for row in rows):
        raise ConfigError(f"{path}: rows must be a list of file names, got {rows!r}")
    seeds = raw.get("seeds", []) if rows else []
    if not (isinstance(seeds, list) and all(type(seed) is int for seed in seeds)):
        raise ConfigError(f"{path}: seeds must be a list of whole numbers, got {seeds!r}")
    if rows and not raw.keys() <= {"rows", "seeds"}:
        raise ConfigError(
            f"{path}: a file with rows has no other keys but seeds, got {sorted(raw)}",
            code="OPTIONS_CLASH",
        )
    if "experiment" in raw:
        yield path, ()
    for row in rows:
        if read_experiment_table(path.parent / row) is None:
            raise ConfigError(
                f"{path}: the row {row!r} has no [experiment] table", code="NO_EXPERIMENT"
            )
        yield path.parent / row, seeds


def _table(raw: Mapping[str, Any]) -> ExperimentTable:
    return from_plain(ExperimentTable, raw, "[experiment]")
