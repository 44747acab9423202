"""Make the points of the compression curve that are not made yet, one after another.

    .venv/bin/python -m experiments.compress experiments/compress.toml [--only NAME ...]
        [--runs runs/compress] [--threads 1]

Each point has a folder of its own under `--runs`. A point that is stopped continues; a finished one
stays as it is. All recipes have the same data, so the teacher answers once for all of them.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from afunet.errors import ConfigError
from afunet.models.shipped import DEFAULT, weights_path
from afunet.plain import from_plain
from afunet.training.config import load_config
from afunet.training.toml_file import parse_toml
from afunet.workflows.compress import distil, prune
from afunet.workflows.quantise import quantise
from afunet.workflows.train import BEST
from benchmarks.bench import parser_of

INT8 = "int8.onnx"
ANSWERS = "taught-*.npz"
CALIBRATING, JUDGED = 16, 12
"""Windows and slices of `quantise`."""


class Method(StrEnum):
    """How a point is made; `NONE` is a network that is there already."""

    NONE = "none"
    DISTIL = "distil"
    PRUNE = "prune"
    QUANTISE = "quantise"


@dataclass(frozen=True)
class Point:
    """A network of the curve, as in the TOML file."""

    name: str
    label: str
    method: Method = Method.NONE
    of: str = DEFAULT
    share: float = 0.0
    recipe: str = ""

    def __post_init__(self) -> None:
        if bool(self.recipe) != (self.method in (Method.DISTIL, Method.PRUNE)):
            raise ConfigError(f"{self.name}: a recipe is for distil and prune, which need one")

    def made_at(self, runs: Path) -> Path:
        """The file of its weights."""
        if self.method is Method.NONE:
            return weights_path(self.of)
        return runs / self.name / (INT8 if self.method is Method.QUANTISE else BEST)


@dataclass(frozen=True)
class Curve:
    """All points; names differ."""

    point: tuple[Point, ...]

    def __post_init__(self) -> None:
        names = [point.name for point in self.point]
        if len(set(names)) < len(names):
            raise ConfigError(f"points must have different names, got {names}")

    def source_of(self, point: Point, runs: Path) -> str:
        """The weights that a point is made of: shipped, an earlier point's, or a file."""
        earlier = {other.name: other for other in self.point}
        return str(earlier[point.of].made_at(runs)) if point.of in earlier else point.of


def load_curve(path: Path) -> Curve:
    """The points of a TOML file; `ConfigError` for mistakes in it."""
    return from_plain(Curve, parse_toml(path), str(path))


def main(argv: Sequence[str] | None = None) -> None:
    """Make what is missing; print where it is."""
    parser = parser_of(__doc__)
    parser.add_argument("curve", type=Path)
    parser.add_argument("--only", nargs="+", default=())
    parser.add_argument("--runs", type=Path, default=Path("runs/compress"))
    parser.add_argument("--data", default="knee", help="what calibrates INT8")
    parser.add_argument("--threads", type=int)
    options = parser.parse_args(argv)
    curve = load_curve(options.curve)
    for point in curve.point:
        made = point.made_at(options.runs)
        if point.method is Method.NONE or (options.only and point.name not in options.only):
            continue
        source = curve.source_of(point, options.runs)
        if point.method is Method.QUANTISE:
            if not made.is_file():
                quantise(
                    Path(source),
                    options.data,
                    made.parent,
                    calibration_slices=CALIBRATING,
                    validation_slices=JUDGED,
                )
        else:
            _train(point, source, options.curve.parent, made.parent, options.threads)
        print(f"{point.name}: {made}", flush=True)


def _train(point: Point, source: str, base: Path, run: Path, threads: int | None) -> None:
    recipe = base / point.recipe
    config, answers = load_config(recipe), run.parent / "taught"
    _linked(answers, run)
    if point.method is Method.PRUNE:
        prune(source, point.share, config, run, base=recipe.parent, threads=threads)
    else:
        distil(config, run, base=recipe.parent, threads=threads)
    _linked(run, answers)


def _linked(source: Path, target: Path) -> None:
    """Give the teacher's answers in one folder to another, which may have them already."""
    for file in sorted(source.glob(ANSWERS)):
        target.mkdir(parents=True, exist_ok=True)
        if not (target / file.name).exists():
            os.link(file, target / file.name)


if __name__ == "__main__":
    main()
