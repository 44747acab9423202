"""Holes and lost fragments of reconstructions: the paper's Fig. 6, counted.

    .venv/bin/python -m benchmarks.holes --unet runs/table1/unet-seed1/best.safetensors \
        --afunet runs/table1/afunet-seed1/best.safetensors [--knees 10] [--picture fig6.png]

Fractured knees of `fractured_leg` (benchmarks/fragments.py), from seeds that nothing was tuned on,
are segmented by a U-Net and an AFU-Net that were trained alike, and by the shipped weights, and
reconstructed with VTK as `afunet segment` does, before and after its clean-up. Counted for each
surface, and for that of the exact mask beside it: handles (holes that go through), cavities, bodies
and open edges; for each mask Dice, HD95 and what became of the true fragments of 50 mm³ and more.
A fragment is *gone* if less than half of it is in the mask; it is *missed* if no piece that
`split_instances` finds matches it (IoU of one half), gone or not. `merged` counts found pieces that
hold large parts of several true ones.

Prints a row a knee and mask, and the means. `--picture` draws the knee with most true fragments,
each piece in the colour of the true fragment that it is the best match of, else in grey.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import astuple, dataclass, fields
from pathlib import Path
from statistics import fmean

import numpy as np
from PIL import Image, ImageDraw

from afunet.evaluation.fragments import FragmentScore, match_fragments
from afunet.evaluation.overlap import count, dice
from afunet.evaluation.surface import surface_distances
from afunet.evaluation.topology import topology
from afunet.geometry import Volume, bounding_box
from afunet.inference.device_choice import DeviceChoice
from afunet.phantom import SIMULATOR, SimulatedLeg, simulate
from afunet.reconstruction import surface
from afunet.reconstruction.instances import split_instances
from afunet.report.drawing import draw_scale_bar, write
from afunet.report.palette import Colour, colour_of
from afunet.report.surfaces.coloured_mesh import ColouredMesh
from afunet.report.surfaces.software_renderer import render_with_numpy
from afunet.report.surfaces.view import ANTERIOR, Frame, View, turned_view
from afunet.report.surfaces.vtk_renderer import render_with_vtk
from afunet.workflows.analyse import analyse
from benchmarks.bench import MASK_ALONE, Network, parser_of, print_heading, print_row, scan_of
from benchmarks.fragments import FIRST_SEED, SMALLEST_MM3, exact_mask, fractured_leg, true_pieces

EXACT, CLEANED = "exact mask", "cleaned"
SHOWN = (EXACT, f"U-Net, {CLEANED}", f"AFU-Net, {CLEANED}", f"shipped weights, {CLEANED}")
VIEWS = (ANTERIOR, turned_view("from behind", 150, 15))
NO_MATCH: Colour = (150, 150, 155)
INK: Colour = (52, 62, 76)
PANEL_PX, MARGIN_MM, CAPTION_PX, OVERSAMPLING = (350, 340), 4.0, 36, 2


@dataclass(frozen=True)
class Row:
    """What is counted of one mask; lengths in mm."""

    handles: int
    cavities: int
    bodies: int
    open_edges: int
    fragments: int
    missed: int
    gone: int
    merged: int
    dice: float
    hd95: float


COLUMNS = [f"{field.name}:" for field in fields(Row)]


@dataclass(frozen=True, eq=False)
class Knee:
    """The truth, and the pieces found in each mask, with their matches."""

    seed: int
    pieces: Volume
    found: Mapping[str, tuple[Volume, FragmentScore]]
    rows: Mapping[str, Row]


def masks_of(leg: SimulatedLeg, networks: Mapping[str, Network]) -> dict[str, Volume]:
    masks = {EXACT: exact_mask(leg)}
    for name, network in networks.items():
        found = analyse(scan_of(leg.volume), network.loaded, MASK_ALONE)
        masks[f"{name}, raw"], masks[f"{name}, {CLEANED}"] = found.prediction.mask, found.mask
    return masks


def counted(mask: Volume, truth: Volume, pieces: Volume, score: FragmentScore) -> Row:
    holes = topology(surface(mask))
    apart = surface_distances(mask.voxels, truth.voxels, truth.array_spacing_mm)
    size = np.bincount(pieces.voxels.ravel())
    covered = np.bincount(pieces.voxels[mask.voxels != 0], minlength=len(size))
    return Row(
        holes.handles,
        holes.cavities,
        holes.bodies,
        holes.open_edges,
        len(score.matches),
        score.missed,
        sum(bool(2 * covered[match.true] < size[match.true]) for match in score.matches),
        score.merged,
        dice(count(mask.voxels, truth.voxels)),
        apart.hd95,
    )


def judged(seed: int, networks: Mapping[str, Network]) -> Knee:
    leg = simulate(fractured_leg(seed))
    pieces, truth = true_pieces(leg), exact_mask(leg)
    found, rows = {}, {}
    for name, mask in masks_of(leg, networks).items():
        instances = split_instances(mask)
        score = match_fragments(instances, pieces, SMALLEST_MM3)
        found[name] = instances, score
        rows[name] = counted(mask, truth, pieces, score)
        print_row(seed, name, *cells(astuple(rows[name])))
    return Knee(seed, pieces, found, rows)


def cells(values: Sequence[float]) -> list[str]:
    return [str(value) if isinstance(value, int) else f"{value:.3f}" for value in values]


def surfaces(knee: Knee, name: str) -> list[ColouredMesh]:
    """Every piece that was found in a mask, coloured by the true fragment it matches best."""
    instances, score = knee.found[name]
    matches = sorted(score.matches, key=lambda match: match.iou)
    largest_first = sorted(score.matches, key=lambda match: -match.mm3)
    colours = {match.true: colour_of("", rank) for rank, match in enumerate(largest_first, start=1)}
    colour_by_piece = {match.found: colours[match.true] for match in matches if match.iou > 0}
    if name == EXACT:
        instances, colour_by_piece = knee.pieces, colours
    return [
        ColouredMesh(
            surface(instances.with_voxels((instances.voxels == label).astype(np.uint8))),
            str(label),
            colour_by_piece.get(label, NO_MATCH),
        )
        for label in range(1, int(instances.voxels.max()) + 1)
    ]


def common_frame(pieces: Volume, view: View) -> Frame:
    """The same part of the patient for every mask: the truth with a margin."""
    box = bounding_box(pieces.voxels)
    assert box is not None
    corners = np.array(np.meshgrid(*[(axis.start, axis.stop) for axis in reversed(box)]))
    seen = view.project(pieces.to_mm(corners.reshape(3, -1).T))[:, :2]
    low, high = seen.min(axis=0) - MARGIN_MM, seen.max(axis=0) + MARGIN_MM
    scale = max((high - low) / PANEL_PX) / OVERSAMPLING
    middle = (low + high) / 2
    width, height = (OVERSAMPLING * length for length in PANEL_PX)
    return Frame(float(middle[0]), float(middle[1]), float(scale), width, height)


def picture(knee: Knee) -> Image.Image:
    """A column a mask, a row a view."""
    width, height = PANEL_PX
    sheet = Image.new(
        "RGB", (len(SHOWN) * width, CAPTION_PX + len(VIEWS) * height), (243, 245, 248)
    )
    draw = ImageDraw.Draw(sheet)
    frames = [common_frame(knee.pieces, view) for view in VIEWS]
    for column, name in enumerate(SHOWN):
        meshes = surfaces(knee, name)
        drawn = render_with_vtk(meshes, VIEWS, frames) or [
            render_with_numpy(meshes, view, frame)
            for view, frame in zip(VIEWS, frames, strict=True)
        ]
        for row, pixels in enumerate(drawn):
            panel = Image.fromarray(pixels, "RGBA").resize(PANEL_PX, Image.Resampling.LANCZOS)
            sheet.paste(panel, (column * width, CAPTION_PX + row * height), panel)
            if not column:
                words = VIEWS[row].name
                write(draw, (14, CAPTION_PX + row * height), words, size=15, colour=INK)
        middle = (column + 0.5) * width, CAPTION_PX / 2
        write(draw, middle, name.split(",")[0], size=20, colour=INK, anchor="mm")
    draw_scale_bar(
        draw,
        (16, sheet.height - 14),
        mm_per_pixel=frames[-1].mm_per_pixel * OVERSAMPLING,
        longest_pixels=width / 4,
        size=15,
        colour=INK,
    )
    return sheet


def main(argv: Sequence[str] | None = None) -> None:
    parser = parser_of(__doc__)
    parser.add_argument("--unet", type=Path, required=True)
    parser.add_argument("--afunet", type=Path, required=True)
    parser.add_argument("--shipped", type=Path, help="weights in place of those shipped")
    parser.add_argument("--knees", type=int, default=10)
    parser.add_argument("--first-seed", type=int, default=FIRST_SEED)
    parser.add_argument("--picture", type=Path)
    options = parser.parse_args(argv)
    weights = {"U-Net": options.unet, "AFU-Net": options.afunet, "shipped weights": options.shipped}
    networks = {name: Network(path, DeviceChoice.CPU) for name, path in weights.items()}
    print(f"{SIMULATOR}\n")
    print_heading("seed:", "mask", *COLUMNS)
    seeds = range(options.first_seed, options.first_seed + options.knees)
    knees = [judged(seed, networks) for seed in seeds]
    print()
    print_heading(f"mean of {len(knees)}", *COLUMNS)
    for name in knees[0].rows:
        columns = zip(*(astuple(knee.rows[name]) for knee in knees), strict=True)
        print_row(name, *cells([fmean(map(float, column)) for column in columns]))
    if options.picture:
        chosen = max(knees, key=lambda knee: knee.rows[EXACT].fragments)
        picture(chosen).save(options.picture, optimize=True)
        print(f"\nseed {chosen.seed} is in {options.picture}")


if __name__ == "__main__":
    main()
