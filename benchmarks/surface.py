"""Meshes of exact masks against the exact surfaces behind them, on many voxel grids.

    .venv/bin/python -m benchmarks.surface [--first-seed 8000] [--knees 1] [--max-error-mm 0.05]

Each knee is taken whole and with a broken tibia and femur. A bone's or fragment's exact surface is
where its simulated distance is zero, found on a grid of 0.4 mm with linear interpolation. The mask
of a piece holds the voxels whose centres lie inside; each grid has an offset of its own for every
piece. Bones that leave the simulated region are closed by the phantom's own continuation.

The mesh is what `afunet` makes of a piece: marching cubes, smoothing, and with `--max-error-mm` or
`--max-triangles` decimation. Distances are taken at 20,000 points of either surface, both ways
together, in mm and in voxels: "voxel" is the largest of the three spacings, "fine voxel" the
smallest. Volumes are compared with the exact solid's and with the mask's. What sampling alone
loses shows in the column "mask to exact".

Prints a Markdown row for every grid and kind of piece: means over its pieces, and in brackets the
piece that went worst.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from statistics import fmean

import numpy as np
from numpy.typing import NDArray
from scipy.spatial.transform import Rotation
from vtkmodules.util.numpy_support import numpy_to_vtk
from vtkmodules.vtkCommonDataModel import vtkImageData
from vtkmodules.vtkFiltersCore import vtkFlyingEdges3D

from afunet.formats.polydata import from_polydata
from afunet.geometry import Mesh, Volume
from afunet.phantom import SIMULATOR, Anatomy, Fracture, Pose
from afunet.phantom.shapes.distance import Box
from afunet.phantom.skeleton.bones import Piece
from afunet.phantom.skeleton.build import build_bones, fractured
from afunet.reconstruction.deviation import deviation
from afunet.reconstruction.surface import surface
from benchmarks.bench import parser_of, print_heading, print_row

REFERENCE_MM = 0.4
SAMPLES = 20_000
KNEE = Box((35.0, -60.0, -55.0), (165.0, 80.0, 60.0))
SMALLEST_MM3, CHIP_MM3 = 50.0, 1000.0
KINDS = ("bones", "fragments", "chips")
COLUMNS = (
    *(f"{what}, {unit}" for what in ("mean", "p95") for unit in ("mm", "voxels", "fine voxels")),
    *("volume to exact, %", "mesh to mask, %", "mask to exact, %", "triangles"),
    "closed, manifold",
)
OBLIQUE = Rotation.from_euler("xyz", [12, -8, 20], degrees=True).as_matrix()
STRAIGHT = np.eye(3)
COARSE_MM, BEYOND_MM = 2.0, 30.0
MARGIN_VOXELS = 3
FloatArray = NDArray[np.float64]
Float32Array = NDArray[np.float32]


@dataclass(frozen=True, eq=False)
class Spacing:
    """A grid's steps along columns, rows and slices in mm, and how it is turned."""

    steps_mm: tuple[float, float, float]
    turn: FloatArray
    mirrored: bool = False

    @property
    def name(self) -> str:
        steps = " × ".join(f"{step:g}" for step in self.steps_mm)
        return f"{steps}{'' if self.turn is STRAIGHT else ', oblique'}"

    @property
    def axes(self) -> FloatArray:
        flip = np.array([1.0, 1.0, -1.0 if self.mirrored else 1.0])
        return np.asarray(self.turn @ np.diag(np.array(self.steps_mm) * flip))


GRIDS = (
    Spacing((0.5, 0.5, 0.5), STRAIGHT),
    Spacing((0.7, 0.7, 0.7), STRAIGHT),
    Spacing((1.0, 1.0, 1.0), STRAIGHT),
    Spacing((1.0, 1.0, 1.0), OBLIQUE),
    Spacing((0.5, 0.5, 1.0), STRAIGHT),
    Spacing((0.7, 0.7, 2.0), STRAIGHT),
    Spacing((0.7, 0.7, 3.0), STRAIGHT),
    Spacing((0.7, 0.7, 2.0), OBLIQUE, mirrored=True),
)


@dataclass(frozen=True, eq=False)
class Solid:
    """A bone or fragment: its simulated distance and its exact surface."""

    kind: str
    piece: Piece
    exact: Mesh


@dataclass(frozen=True)
class Budget:
    """How far a mesh is simplified."""

    max_triangles: int | None
    max_error_mm: float | None


@dataclass(frozen=True)
class Row:
    """One piece on one grid; lengths in mm, changes as fractions."""

    mean_mm: float
    p95_mm: float
    largest_mm: float
    to_exact: float
    to_mask: float
    mask_to_exact: float
    triangles: int
    open_edges: int
    nonmanifold_edges: int


def solids(seed: int) -> Iterator[Solid]:
    """The pieces of a knee, whole and broken; chips too small to hold a few voxels left out."""
    rng = np.random.default_rng([seed, 23])
    anatomy = Anatomy(poses=(Pose(8, 3, 4),), scale=rng.uniform(0.9, 1.1), warp_mm=1.5)
    whole = build_bones(anatomy, KNEE, seed)
    breaks = tuple(
        Fracture(bone, height, pieces=3, chips=3, displacement_mm=4.0, gap_mm=1.2, seed=seed)
        for bone, height in (("tibia left", -22.0), ("femur left", 30.0))
    )
    for bone in whole:
        for piece in bone.pieces():
            yield Solid("bones", piece, exact_surface(piece))
    for bone in fractured(whole, breaks):
        for piece in bone.pieces() if bone.fragments else []:
            exact = exact_surface(piece)
            mm3 = exact.volume_mm3
            if mm3 >= SMALLEST_MM3:
                yield Solid("fragments" if mm3 >= CHIP_MM3 else "chips", piece, exact)


def exact_surface(piece: Piece) -> Mesh:
    """Where the piece's distance is zero, by linear interpolation on a fine grid."""
    grid = grid_about(extent(piece), np.eye(3) * REFERENCE_MM, np.zeros(3))
    apart_mm = distances_on(piece, grid)
    image = vtkImageData()
    image.SetDimensions(*reversed(grid.shape))
    scalars = numpy_to_vtk(-apart_mm.reshape(-1))  # rising inward, as bone in a mask
    image.GetPointData().SetScalars(scalars)
    edges = vtkFlyingEdges3D()
    edges.SetInputData(image)
    edges.SetValue(0, 0.0)
    edges.ComputeNormalsOff()
    edges.Update()
    return from_polydata(edges.GetOutput()).transformed(grid.affine)


def extent(piece: Piece) -> Box:
    """What holds a piece, looked up on a coarse grid about its bone."""
    coarse = np.eye(3) * COARSE_MM
    around = grid_about(Box.around(piece.corners_mm(), BEYOND_MM), coarse, np.zeros(3))
    inside = np.argwhere(distances_on(piece, around) < COARSE_MM)[:, ::-1]
    return Box.around(around.to_mm(inside), COARSE_MM)


def grid_about(box: Box, axes: FloatArray, offset: FloatArray) -> Volume:
    """Zeros on a grid of these steps that holds a box, shifted by a fraction of its voxels."""
    corners = box.corners_mm() @ np.linalg.inv(axes).T
    low, high = np.floor(corners.min(axis=0)) - MARGIN_VOXELS, corners.max(axis=0) + MARGIN_VOXELS
    columns, rows, slices = (np.ceil(high - low) + 1).astype(int).tolist()
    affine = np.eye(4)
    affine[:3, :3], affine[:3, 3] = axes, axes @ (low + offset)
    return Volume(np.zeros((slices, rows, columns), dtype=np.float32), affine)


def distances_on(piece: Piece, grid: Volume) -> Float32Array:
    """Signed distances (slice, row, column) of the voxel centres, slice by slice."""
    slices, rows, columns = grid.shape
    column, row = np.meshgrid(np.arange(columns), np.arange(rows))
    layer = np.stack([column, row, np.zeros_like(row)], axis=-1)
    apart_mm = [
        piece.distances_mm(grid.to_mm(layer + np.array([0, 0, index])).astype(np.float32)).piece
        for index in range(slices)
    ]
    return np.stack(apart_mm)


def cells(spacing: Spacing, kind: str, rows: Sequence[Row | None]) -> list[str]:
    """A row of the table: the mean over the pieces, and the worst of them in brackets."""
    found = [row for row in rows if row is not None]
    coarse, fine = max(spacing.steps_mm), min(spacing.steps_mm)

    def lengths(values: list[float]) -> list[str]:
        steps = 1.0, coarse, fine
        mean, worst = fmean(values), max(values)
        return [f"{mean / step:.2f} ({worst / step:.2f})" for step in steps]

    def change(values: list[float]) -> str:
        return f"{100 * fmean(values):+.1f} ({100 * max(values, key=abs):+.1f})"

    closed = sum(row.open_edges == 0 and row.nonmanifold_edges == 0 for row in found)
    return [
        spacing.name,
        kind,
        *lengths([row.mean_mm for row in found]),
        *lengths([row.p95_mm for row in found]),
        change([row.to_exact for row in found]),
        change([row.to_mask for row in found]),
        change([row.mask_to_exact for row in found]),
        f"{fmean(row.triangles for row in found):.0f}",
        f"{closed} of {len(rows)}",
    ]


def measured(solid: Solid, spacing: Spacing, seed: int, budget: Budget) -> Row | None:
    """A piece's mesh on one grid; None where no voxel's centre lies in it."""
    offset = np.random.default_rng([seed, 29]).random(3)
    grid = grid_about(Box.around(solid.exact.vertices_mm), spacing.axes, offset)
    mask = grid.with_voxels((distances_on(solid.piece, grid) < 0).astype(np.uint8))
    if not mask.voxels.any():
        return None
    mesh = surface(mask, max_triangles=budget.max_triangles, max_error_mm=budget.max_error_mm)
    apart = deviation(mesh, solid.exact, samples=SAMPLES)
    mask_mm3 = float(np.count_nonzero(mask.voxels)) * mask.voxel_volume_mm3
    return Row(
        apart.mean_mm,
        apart.p95_mm,
        apart.largest_mm,
        apart.volume_change,
        mesh.volume_mm3 / mask_mm3 - 1,
        mask_mm3 / solid.exact.volume_mm3 - 1,
        len(mesh.faces),
        mesh.open_edges,
        mesh.nonmanifold_edges,
    )


def main(argv: Sequence[str] | None = None) -> None:
    parser = parser_of(__doc__)
    parser.add_argument("--first-seed", type=int, default=8000)
    parser.add_argument("--knees", type=int, default=1)
    parser.add_argument("--max-triangles", type=int)
    parser.add_argument("--max-error-mm", type=float)
    options = parser.parse_args(argv)
    budget = Budget(max_triangles=options.max_triangles, max_error_mm=options.max_error_mm)
    seeds = range(options.first_seed, options.first_seed + options.knees)
    known = [solid for seed in seeds for solid in solids(seed)]
    print(f"{SIMULATOR}\n")
    print_heading("voxels, mm", "pieces", *(f"{column}:" for column in COLUMNS))
    for spacing in GRIDS:
        for kind in KINDS:
            chosen = [solid for solid in known if solid.kind == kind]
            rows = [measured(solid, spacing, k, budget) for k, solid in enumerate(chosen)]
            if any(rows):
                print_row(*cells(spacing, kind, rows))


if __name__ == "__main__":
    main()
