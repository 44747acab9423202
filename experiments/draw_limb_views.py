"""Draw what the networks for names and sides of bones learn from: limbs in random fields of view.

    shapes=$AFUNET_DATA/shapes-llp26
    .venv/bin/python -m experiments.draw_limb_views -o views --parts 0 20 \
        --limbs "$shapes/sample0*.npz" "$shapes/sample1[0-3].npz"

Samples 14 to 19 are kept to measure by (benchmarks/bone_names.py). Every part has limbs of its own,
some of the files and some drawn between all of them, and holds fields of view of two kinds: limbs
as points, posed and broken roughly (`limb_points`), and simulated legs, parametric knees among them
(`leg_views`). Drawing a field is slow and looking at it is not, so each is looked at several times:
turned about the long axis, scaled, often cut shorter. Of each look `places/` has the surroundings
of some places, as many of each bone and side, and `windows/` windows of each leg, all of its bones
or one alone. Parts that are there are not drawn again.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from glob import glob
from itertools import islice
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
from numpy.typing import NDArray
from scipy.spatial.transform import Rotation

from afunet.anatomy.bone_network import BoneNamerConfig, surroundings
from afunet.anatomy.coarse_grid import CoarseGrid
from afunet.anatomy.side_network import LimbSiderConfig, limb_windows
from afunet.phantom import VERSION
from afunet.phantom.shapes.distance import Box
from afunet.phantom.skeleton.limb_mixing import mix_limbs
from afunet.phantom.views.leg_views import draw_views
from afunet.phantom.views.limb_points import draw_limbs, limbs_like
from afunet.phantom.views.points import CLASSES, LEFT, LEG, OTHER, RIGHT, DrawnLimbs
from benchmarks.bench import parser_of

GIVEN, MIXED, VIEWS = 1, 6, 12
NAMER, SIDER = BoneNamerConfig(CLASSES), LimbSiderConfig()
LARGEST, EACH = 1_500_000, 30
LEAST_MM3, MOST_WINDOWS, ONE_BONE = 5000.0, 3, 0.2
LOOKS, TURN_DEG, SCALES = 4, 8.0, (0.94, 1.06)
CUT, SHORTEST_MM = 0.5, 60.0
BONES = [CLASSES.index(name) for name in (*LEG, "foot")]
Arrays = dict[str, NDArray[np.generic]]
Rng = np.random.Generator


def limb_fields(files: list[Path], part: int) -> Iterator[DrawnLimbs]:
    """Limbs as points without end."""
    rng = np.random.default_rng([part, 37])
    limbs = limbs_like(files, rng, GIVEN, MIXED)
    while True:
        yield draw_limbs(limbs, rng)


def leg_fields(files: list[Path], part: int) -> Iterator[DrawnLimbs]:
    """Views of simulated legs without end, of each leg a few."""
    rng = np.random.default_rng([part, 53])
    with TemporaryDirectory() as folder:
        between = Path(folder) / "between.npz"
        while True:
            given = rng.random() < GIVEN / (GIVEN + MIXED)
            if not given:
                mix_limbs(files, between, rng)
            yield from draw_views(int(rng.integers(1 << 40)), VIEWS, files if given else [between])


def looks_at(drawn: DrawnLimbs, rng: Rng) -> Iterator[DrawnLimbs]:
    """A field of view as it is, then turned about the long axis, scaled and perhaps cut shorter."""
    yield drawn
    for _ in range(LOOKS - 1):
        low, high = np.array(drawn.field.low_mm), np.array(drawn.field.high_mm)
        middle = (low + high) / 2
        scale = rng.uniform(*SCALES)
        turn = Rotation.from_euler("z", rng.normal(0, TURN_DEG), degrees=True)
        mm = scale * turn.apply(drawn.points.mm - middle)
        low, high = scale * (low - middle), scale * (high - middle)
        if rng.random() < CUT and high[2] - low[2] > SHORTEST_MM:
            length = rng.uniform(SHORTEST_MM, high[2] - low[2])
            low[2] = rng.uniform(low[2], high[2] - length)
            high[2] = low[2] + length
        inside = ((mm >= low) & (mm <= high)).all(axis=1)
        if inside.any():
            points = drawn.points.moved(mm).where(inside)
            field = Box.around(np.array([low, high]))
            yield DrawnLimbs(points, field, drawn.point_mm3 * scale**3)


def places_in(drawn: DrawnLimbs, rng: Rng) -> Arrays | None:
    """Surroundings (N, inputs), class (N,), and how left it is (N,), -1 where it has no side."""
    points = drawn.points
    low, high = points.mm.min(axis=0), points.mm.max(axis=0)
    grid = CoarseGrid.around(low - rng.uniform(0, NAMER.step_mm, 3), high, NAMER.step_mm)
    if np.prod(grid.shape) > LARGEST:
        return None
    cells = grid.cells(points.mm)
    full = grid.filled(cells, drawn.point_mm3 * rng.uniform(0.9, 1.15))
    centres = grid.centres_mm()
    inside = (centres > drawn.field.low_mm) & (centres < drawn.field.high_mm)
    seen = np.asarray(inside.all(axis=-1))
    left = np.where(points.bone != CLASSES.index(OTHER), points.side != RIGHT, -1.0)
    kinds = 2 * points.bone.astype(int) + points.side
    many = np.flatnonzero(np.bincount(kinds) >= EACH)
    if not len(many):
        return None
    chosen = np.concatenate(
        [rng.choice(np.flatnonzero(kinds == kind), EACH, replace=False) for kind in many]
    )
    z, y, x = np.unravel_index(cells[chosen], grid.shape)
    left = left[chosen]
    if rng.random() < 0.5:  # the body mirrored: its left is its right
        full, seen, x = full[..., ::-1], seen[..., ::-1], grid.shape[2] - 1 - x
        left = np.where(left >= 0, 1 - left, -1)
    found = surroundings(full, seen, np.stack([z, y, x], axis=-1), NAMER).astype(np.float16)
    return {"found": found, "bone": points.bone[chosen].astype(np.int64), "left": left}


def windows_in(drawn: DrawnLimbs, rng: Rng) -> Arrays | None:
    """Windows (N, 2, z, y, x) of each leg, and whether it is left (N,)."""
    points, field = drawn.points, drawn.field
    windows, left = [], []
    for side in (LEFT, RIGHT):
        leg = points.where(np.isin(points.bone, BONES) & (points.side == side))
        if len(leg.mm) and rng.random() < ONE_BONE:
            leg = leg.where(leg.bone == rng.choice(np.unique(leg.bone)))
        if len(leg.mm) * drawn.point_mm3 < LEAST_MM3:
            continue
        found = limb_windows(
            leg.mm,
            drawn.point_mm3 * rng.uniform(0.9, 1.15),
            lambda mm: np.asarray(((mm > field.low_mm) & (mm < field.high_mm)).all(axis=-1)),
            SIDER,
        )
        chosen = rng.permutation(len(found))[:MOST_WINDOWS]
        windows.append(found.astype(np.float16)[chosen])
        left += [float(side == LEFT)] * len(chosen)
    if not windows:
        return None
    return {"windows": np.concatenate(windows), "left": np.array(left, dtype=np.float32)}


def write(path: Path, parts: list[Arrays], limbs: list[str]) -> None:
    """All arrays of one name in a row, and the limbs' names; the file is whole or not there."""
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_suffix(".partial")
    with partial.open("wb") as file:
        arrays = {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}
        np.savez_compressed(file, **arrays, limbs=limbs, simulator=VERSION)  # type: ignore[arg-type]
    partial.replace(path)


def main(argv: Sequence[str] | None = None) -> None:
    """Draw what is not there."""
    parser = parser_of(__doc__)
    parser.add_argument("-o", "--output", type=Path, required=True)
    parser.add_argument("--limbs", nargs="+", required=True)
    parser.add_argument("--parts", type=int, nargs=2, default=(0, 20), help="first, end")
    parser.add_argument("--kinds", nargs="+", default=["limbs", "legs"])
    parser.add_argument("--fields", type=int, default=300, help="of view in a part of a kind")
    args = parser.parse_args(argv)
    files = sorted({Path(name) for pattern in args.limbs for name in glob(pattern)})
    if len(files) < 3:
        sys.exit(f"--limbs: {len(files)} files found, three and more are needed")
    drawing = {"limbs": limb_fields, "legs": leg_fields}
    for part in range(*args.parts):
        for kind in args.kinds:
            name = f"{kind}-{part:03d}.npz"
            if (args.output / "windows" / name).exists():  # written last
                continue
            rng = np.random.default_rng([part, 59])
            places: list[Arrays] = []
            windows: list[Arrays] = []
            fields = islice(drawing[kind](files, part), args.fields)
            for look in (look for drawn in fields for look in looks_at(drawn, rng)):
                for found, all_of in (
                    (places_in(look, rng), places),
                    (windows_in(look, rng), windows),
                ):
                    if found is not None:
                        all_of.append(found)
            stems = [path.stem for path in files]
            write(args.output / "places" / name, places, stems)
            write(args.output / "windows" / name, windows, stems)
            print(name, flush=True)


if __name__ == "__main__":
    main()
