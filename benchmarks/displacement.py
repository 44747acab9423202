"""Displacement of fragments against where they fit, on fragments whose moves are known.

    .venv/bin/python -m benchmarks.displacement [--legs 10] [--first-seed 3000] [--moves 2]

Simulated: knees with one or two broken bones, as in `benchmarks.fragments` but without a gap sawn
between the fragments (gap_mm 0): the truth is the simulator's move of each fragment against the
largest one. Real: the hip bones and sacra of `fractures` below `AFUNET_DATA` whose fragments touch;
each secondary fragment is moved by 1 to 7 mm and up to 8 degrees, away from the main one, and drawn
on the voxels anew. The truth is that move, the labels are exact. Other side: the intact hip bones
there, cut by a plane and put apart likewise, fitted to the mirrored hip bone of the same patient's
other side only.

Prints a Markdown row a fragment of 50 mm³ and more, and one a set: median and worst error of what
is given as known, and the share within the error that it states.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import cc3d
import numpy as np
from numpy.typing import NDArray
from scipy import ndimage
from scipy.spatial.transform import Rotation

from afunet.formats.readers import read_labels
from afunet.geometry import Volume
from afunet.geometry.rigid import Rigid
from afunet.phantom import SIMULATOR, LegConfig, exact_labels
from afunet.phantom.picture.scene import build_scene
from afunet.phantom.skeleton.bones import Bone
from afunet.phantom.skeleton.fragment import Fragment
from afunet.reconstruction.assembly import STANDARD_ERRORS, FittedTo, Placed
from afunet.reconstruction.displacement import BonePiece, Displacement, displacements, points_of
from afunet.reconstruction.measures import measure
from afunet.reconstruction.other_side import OtherSide
from afunet.reconstruction.surface import surface
from benchmarks.bench import data_set, parser_of, print_heading, print_row
from benchmarks.fragments import SMALLEST_MM3, fractured_leg

FIRST_SEED, LEGS, MOVES = 3000, 10, 2
FRAGMENTS = "_fragments.nii.gz"
FURTHEST_MM, LARGEST_DEG, MARGIN = 7.0, 8.0, 20


@dataclass(frozen=True, eq=False)
class BrokenBone:
    """Labels of fragments, 1 being the main one, and the move of each from where it fits."""

    name: str
    labels: Volume
    moves: dict[int, Rigid]


@dataclass(frozen=True)
class Judged:
    """Errors of one fragment, None where it is not known, and the errors that were stated."""

    off_mm: float | None
    stated_mm: float | None
    off_deg: float | None
    stated_deg: float | None


def simulated(seed: int) -> Iterator[BrokenBone]:
    """The broken bones of one knee."""
    config = fractured_leg(seed)
    config = replace(config, fractures=tuple(replace(f, gap_mm=0.0) for f in config.fractures))
    _, fragments = exact_labels(config)
    number_of = {name: number for number, name in fragments.names.items()}
    for bone in _broken(config):
        voxels, moves = np.zeros(fragments.volume.shape, dtype=np.uint8), {}
        parts: dict[tuple[int, str], tuple[NDArray[np.bool_], Rigid]] = {}
        for fragment, name in zip(bone.fragments, bone.piece_names, strict=True):
            inside = fragments.volume.voxels == number_of[name]
            if np.count_nonzero(inside) * fragments.volume.voxel_volume_mm3 >= SMALLEST_MM3:
                whole = np.asarray(cc3d.largest_k(inside, k=1, connectivity=26)) > 0
                parts[int(np.count_nonzero(whole)), name] = whole, _move(bone, fragment)
        ordered = [parts[key] for key in sorted(parts, reverse=True)]
        for label, (whole, move) in enumerate(ordered, start=1):
            voxels[whole] = label
            moves[label] = move.after(ordered[0][1].inverse())
        if len(moves) > 1:
            yield BrokenBone(f"{seed} {bone.name}", fragments.volume.with_voxels(voxels), moves)


def _broken(config: LegConfig) -> list[Bone]:
    return [bone for bone in build_scene(config).bones if bone.fragments]


def _move(bone: Bone, fragment: Fragment) -> Rigid:
    """The move of a fragment from the intact bone, in the patient."""
    pose = Rigid(bone.pose[:3, :3], bone.pose[:3, 3])
    start = fragment.from_home(np.zeros(3))
    own = Rigid((fragment.from_home(np.eye(3)) - start).T, start)
    return pose.after(own).after(pose.inverse())


def put_apart(name: str, labels: Volume, seed: int) -> BrokenBone:
    """The fragments of a real bone after random moves of all but the largest."""
    rng = np.random.default_rng([seed, *name.encode()])
    sizes = np.bincount(labels.voxels.ravel())[1:]
    order = [int(label) + 1 for label in np.argsort(-sizes) if sizes[label]]
    home = np.pad(labels.voxels, MARGIN)
    affine = labels.affine.copy()
    affine[:3, 3] = labels.to_mm([-MARGIN] * 3)
    grid = Volume(home, affine)
    voxels = (home == order[0]).astype(np.uint8)
    main_mm, moves = _centre_mm(grid, order[0]), {1: Rigid.still()}
    for number, label in enumerate(order[1:], start=2):
        centre_mm = _centre_mm(grid, label)
        away, stray, axis = centre_mm - main_mm, *rng.standard_normal((2, 3))
        way = away / np.linalg.norm(away) + 0.7 * stray
        shift_mm = rng.uniform(1.0, FURTHEST_MM) * way / np.linalg.norm(way)
        turn_rad = np.radians(rng.uniform(0, LARGEST_DEG)) * axis / np.linalg.norm(axis)
        moves[number] = Rigid.about(centre_mm, turn_rad, shift_mm)
        voxels[_drawn(home == label, affine, moves[number]) & (voxels == 0)] = number
    return BrokenBone(name, Volume(voxels, affine), moves)


def cut_apart(name: str, labels: Volume, seed: int) -> BrokenBone:
    """The two parts of an intact bone after a cut across it, the smaller one moved."""
    rng = np.random.default_rng([seed, *name.encode(), 1])
    places = np.argwhere(labels.voxels)
    across = np.linalg.svd(labels.to_mm(places[::97, ::-1]), full_matrices=False)[2][0]
    across = across + rng.normal(0, 0.3, 3)
    heights = labels.to_mm(places[:, ::-1]) @ across
    voxels = labels.voxels.copy()
    voxels[tuple(places[heights > np.quantile(heights, rng.uniform(0.6, 0.8))].T)] = 2
    return put_apart(name, labels.with_voxels(voxels), seed)


def _centre_mm(grid: Volume, label: int) -> NDArray[np.float64]:
    return grid.to_mm(np.argwhere(grid.voxels == label).mean(axis=0)[::-1])


def _drawn(
    inside: NDArray[np.bool_], affine: NDArray[np.float64], move: Rigid
) -> NDArray[np.bool_]:
    """A mask after a move, on the same voxels."""
    matrix = np.eye(4)
    matrix[:3, :3], matrix[:3, 3] = move.turn, move.shift_mm
    back = np.linalg.inv(affine) @ np.linalg.inv(matrix) @ affine
    flipped = np.eye(4)[[2, 1, 0, 3]]
    back = flipped @ back @ flipped
    smooth = ndimage.gaussian_filter(inside.astype(np.float32), 0.5)
    return np.asarray(ndimage.affine_transform(smooth, back[:3, :3], back[:3, 3], order=1) > 0.5)


def measured(bone: BrokenBone) -> dict[int, tuple[BonePiece, Displacement | None]]:
    """What afunet says of each secondary fragment."""
    labels = bone.labels
    pieces = [
        BonePiece(f"{one.label}", one, surface(labels.with_voxels(labels.voxels == one.label)))
        for one in measure(labels)
    ]
    found = displacements(pieces, labels)
    return {one.measures.label: (one, found.get(one.measures.label)) for one in pieces[1:]}


def judged_by_other_side(bone: BrokenBone, other: Volume) -> Judged:
    """The errors of the second fragment where the mirrored other side alone places it."""
    main, fragment, side = (
        points_of(surface(labels.with_voxels(labels.voxels == label)))
        for labels, label in ((bone.labels, 1), (bone.labels, 2), (other, 1))
    )
    template = OtherSide.mirrored(side, [main, fragment])
    found = None if template is None else template.fit(fragment)
    if found is None:
        return Judged(None, None, None, None)
    placed = Placed(found.move, found.certainty, FittedTo.OTHER_SIDE, ())
    centre_mm, true = fragment.points_mm.mean(axis=0), bone.moves[2].inverse()
    off_mm = float(np.linalg.norm(found.move(centre_mm) - true(centre_mm)))
    off_deg = found.move.after(true.inverse()).angle_deg
    return Judged(
        off_mm if placed.shift_known else None,
        STANDARD_ERRORS * found.certainty.shift_mm,
        off_deg if placed.turn_known else None,
        STANDARD_ERRORS * found.certainty.turn_deg,
    )


def judged(piece: BonePiece, found: Displacement | None, move: Rigid) -> Judged:
    """The errors at the middle of the fragment."""
    if found is None:
        return Judged(None, None, None, None)
    off_mm = off_deg = None
    if found.displacement_mm is not None:
        centre_mm = piece.surface.vertices_mm.mean(axis=0)
        true_mm = centre_mm - move.inverse()(centre_mm)
        off_mm = float(np.linalg.norm(true_mm - found.displacement_mm))
    if found.rotated_deg is not None and found.rotation_axis is not None:
        vector = np.radians(found.rotated_deg) * np.array(found.rotation_axis)
        turn = Rotation.from_rotvec(vector).as_matrix()
        off_deg = Rigid(turn @ move.turn.T, np.zeros(3)).angle_deg
    return Judged(off_mm, found.displaced_error_mm, off_deg, found.rotated_error_deg)


def print_bone(bone: BrokenBone) -> list[Judged]:
    """Print the rows of one bone."""
    rows = []
    for label, (piece, found) in measured(bone).items():
        centre_mm = piece.surface.vertices_mm.mean(axis=0)
        move = bone.moves[label]
        if piece.measures.volume_mm3 < SMALLEST_MM3:
            continue
        one = judged(piece, found, move)
        rows.append(one)
        true_mm = float(np.linalg.norm(centre_mm - move.inverse()(centre_mm)))
        _print_row(bone.name, piece.measures.volume_mm3, true_mm, move.angle_deg, one)
    return rows


def _print_row(name: str, mm3: float, true_mm: float, true_deg: float, one: Judged) -> None:
    off_mm = _with_error(one.off_mm, one.stated_mm)
    off_deg = _with_error(one.off_deg, one.stated_deg)
    print_row(name, f"{mm3:.0f}", f"{true_mm:.1f}", off_mm, f"{true_deg:.1f}", off_deg)


def print_by_other_side(folder: Path, moves: int) -> list[Judged]:
    """Print the rows of the intact hip bones, which are fitted to the other side only."""
    rows = []
    for path in sorted(folder.glob(f"*-hip{FRAGMENTS}")):
        name, labels = path.name.removesuffix(FRAGMENTS), read_labels(path)
        if len(np.unique(labels.voxels)) > 2:
            continue
        across = name.replace("left", "·").replace("right", "left").replace("·", "right")
        other = read_labels(folder / f"{across}{FRAGMENTS}")
        for number in range(moves):
            bone = cut_apart(name, labels, number)
            inside = bone.labels.voxels == 2
            centre_mm, move = _centre_mm(bone.labels, 2), bone.moves[2]
            true_mm = float(np.linalg.norm(centre_mm - move.inverse()(centre_mm)))
            rows.append(judged_by_other_side(bone, other))
            mm3 = np.count_nonzero(inside) * bone.labels.voxel_volume_mm3
            _print_row(f"{name}, by the other side", mm3, true_mm, move.angle_deg, rows[-1])
    return rows


def _with_error(off: float | None, stated: float | None) -> str:
    return "not known" if off is None or stated is None else f"{off:.2f} (± {stated:.2f})"


def print_sum(name: str, rows: Sequence[Judged]) -> None:
    """Print one row of the summary."""
    print_row(
        name,
        len(rows),
        *_figures([(row.off_mm, row.stated_mm) for row in rows]),
        *_figures([(row.off_deg, row.stated_deg) for row in rows]),
    )


def _figures(pairs: Sequence[tuple[float | None, float | None]]) -> tuple[str, ...]:
    known = np.array([pair for pair in pairs if None not in pair], dtype=np.float64)
    share = f"{1 - len(known) / max(len(pairs), 1):.0%}"
    if not len(known):
        return share, "–", "–", "–"
    off, stated = known.T
    return share, f"{np.median(off):.2f}", f"{off.max():.2f}", f"{(off <= stated).mean():.0%}"


def main(argv: Sequence[str] | None = None) -> None:
    parser = parser_of(__doc__)
    parser.add_argument("--legs", type=int, default=LEGS)
    parser.add_argument("--first-seed", type=int, default=FIRST_SEED)
    parser.add_argument("--moves", type=int, default=MOVES)
    options = parser.parse_args(argv)
    print(f"{SIMULATOR}\n")
    columns = "true mm:", "error, mm", "true degrees:", "error, degrees"
    print_heading("bone", "mm³:", *columns)
    drawn: list[Judged] = []
    real: list[Judged] = []
    for seed in range(options.first_seed, options.first_seed + options.legs):
        for bone in simulated(seed):
            drawn += print_bone(bone)
    for path in sorted(data_set("fractures").glob(f"*{FRAGMENTS}")):
        labels, name = read_labels(path), path.name.removesuffix(FRAGMENTS)
        for number in range(options.moves if len(np.unique(labels.voxels)) > 2 else 0):
            real += print_bone(put_apart(name, labels, number))
    by_other_side = print_by_other_side(data_set("fractures"), options.moves)
    print()
    print_heading(
        "set",
        "fragments:",
        "displacement not known",
        "median, mm",
        "worst, mm",
        "within the stated error",
        "rotation not known",
        "median, degrees",
        "worst, degrees",
        "within the stated error",
    )
    print_sum("simulated", drawn)
    print_sum("real, put apart", real)
    print_sum("real, cut, by the other side", by_other_side)


if __name__ == "__main__":
    main()
