"""The pieces of a mask, each with its label, name, surface and measures."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Collection, Sequence
from dataclasses import asdict, dataclass
from typing import Any, TypeAlias

import numpy as np

from afunet.anatomy.bones import Side
from afunet.anatomy.names import BoneName, NamedLabels
from afunet.fragments.cut import Cut, Suspicion
from afunet.geometry import Box, Mesh, Volume
from afunet.geometry.box import boxes_in_order
from afunet.geometry.labels import label_sizes
from afunet.reconstruction.decimation import decimated
from afunet.reconstruction.deviation import SAMPLES, Deviation, deviation
from afunet.reconstruction.displacement import IN_PLACE, BonePiece, Displacement, displacements
from afunet.reconstruction.measures import Measures, measure, nearest_gaps
from afunet.reconstruction.numbering import bones_apart, piece_titles
from afunet.reconstruction.smoothing import Smoothing, smoothed
from afunet.reconstruction.surface import raw_surface
from afunet.watch import UNWATCHED, Watch

STAGE, FITS = "surfaces of pieces", "fragments against where they fit"
MOST_PIECES = 300
POINTS_PER_TRIANGLE = 10  # more points tell nothing more about the surface of a chip


PieceSurface: TypeAlias = tuple[Mesh, Deviation]
Remember: TypeAlias = Callable[[Volume, Callable[[], PieceSurface]], PieceSurface]
"""Returns the surface of the piece with a mask: that of before, or what the function makes."""


def afresh(mask: Volume, make: Callable[[], PieceSurface]) -> PieceSurface:
    """Make each surface again."""
    return make()


@dataclass(frozen=True)
class Piece:
    """A bone or a fragment of one; `measures.label` is its label, 1 being the largest piece.

    `name` is its title in files and tables, `bone` the bone that it is or was part of, and `rank`
    its rank among the pieces of that bone, 1 for the largest. `nearest` is the title of the nearest
    other piece and `gap_mm` the distance to it, "" and None if none is near. The area, `deviation`
    and `watertight` describe its surface, and `displacement` how far a fragment lies from
    where it fits the first piece of its bone.
    """

    name: str
    bone: BoneName
    rank: int
    measures: Measures
    area_mm2: float
    nearest: str
    gap_mm: float | None
    deviation: Deviation
    watertight: bool
    displacement: Displacement = IN_PLACE

    def to_json(self) -> dict[str, Any]:
        """Everything except the axes in one flat table; an unknown side is ""."""
        measures, apart = asdict(self.measures), asdict(self.deviation)
        del measures["axes"]
        return {
            "name": self.name,
            **asdict(self.bone),
            "side": self.bone.side or "",
            "rank": self.rank,
            **measures,
            "area_mm2": self.area_mm2,
            "nearest": self.nearest,
            "gap_mm": self.gap_mm,
            "deviation_mm": [apart.pop(key) for key in ("mean_mm", "p95_mm", "largest_mm")],
            **apart,
            "watertight": self.watertight,
            **asdict(self.displacement),
        }


@dataclass(frozen=True, eq=False)
class Instances:
    """A label map of pieces, and the pieces and their surfaces in the order of their labels.

    The largest piece comes first. If there are very many, as with noise, `pieces` holds only the
    `MOST_PIECES` largest, but all have a label. `cuts` are where fragments touch, by their labels;
    `suspected` where a piece may be broken.
    """

    labels: Volume
    pieces: tuple[Piece, ...] = ()
    surfaces: tuple[Mesh, ...] = ()
    cuts: tuple[Cut, ...] = ()
    suspected: tuple[Suspicion, ...] = ()

    @property
    def not_measured(self) -> int:
        """The number of labels without a measured piece."""
        return int(np.count_nonzero(label_sizes(self.labels.voxels))) - len(self.pieces)


def measure_pieces(
    named: NamedLabels,
    scan: Volume | None = None,
    *,
    parted: Collection[tuple[int, int]] = (),
    cuts: Sequence[Cut] = (),
    suspected: Sequence[Suspicion] = (),
    smoothing: Smoothing | None = None,
    max_triangles: int | None = None,
    max_error_mm: float | None = None,
    remember: Remember = afresh,
    watch: Watch = UNWATCHED,
) -> Instances:
    """Measure each label of a map and make its surface; `scan`, in HU on its grid, adds densities.

    The labels of each of `parted` and `cuts` are fragments of one bone, which meet along a cut;
    `suspected` tells where one may be broken.
    `max_triangles` and `max_error_mm` limit the simplification of each surface (`decimated`);
    `remember` knows those of before, made with the same limits and smoothing. Raises `Cancelled`.
    """
    labels = named.labels
    boxes = boxes_in_order(labels.voxels)
    measures = measure(labels, scan, MOST_PIECES, boxes)

    def surfaced(one: Measures) -> PieceSurface:
        box = boxes[one.label - 1]
        assert box is not None
        alone = alone_in(labels, box, one.label)
        return remember(alone, lambda: piece_surface(alone, smoothing, max_triangles, max_error_mm))

    made = list(watch.in_threads(surfaced, measures, STAGE))
    surfaces = tuple(mesh for mesh, _ in made)
    gaps = nearest_gaps([(one.label, mesh) for one, mesh in zip(measures, surfaces, strict=True)])
    of_one_bone = [*parted, *((cut.one, cut.other) for cut in cuts)]
    bones = bones_apart(labels, named.names, surfaces, of_one_bone)
    titles, seen = piece_titles(named.names[: len(surfaces)], bones), Counter[BoneName]()
    alike: dict[int, list[BonePiece]] = defaultdict(list)
    for bone, title, one, mesh in zip(bones, titles, measures, surfaces, strict=True):
        alike[bone].append(BonePiece(title, one, mesh))

    def fitted(fragments: list[BonePiece]) -> dict[int, Displacement]:
        name = named.names[fragments[0].measures.label - 1]
        return displacements(fragments, labels, _other_side(name, len(fragments), named, surfaces))

    moved: dict[int, Displacement] = {}
    for by_label in watch.in_threads(fitted, list(alike.values()), FITS):
        moved |= by_label
    pieces = []
    for one, (mesh, apart) in zip(measures, made, strict=True):
        name = named.names[one.label - 1]
        seen[name] += 1
        gap = gaps[one.label]
        pieces.append(
            Piece(
                name=titles[one.label - 1],
                bone=name,
                rank=seen[name],
                measures=one,
                area_mm2=mesh.area_mm2,
                nearest="" if gap.label is None else titles[gap.label - 1],
                gap_mm=None if gap.label is None else gap.mm,
                deviation=apart,
                watertight=mesh.is_watertight,
                displacement=moved.get(one.label, IN_PLACE),
            )
        )
    return Instances(labels, tuple(pieces), surfaces, tuple(cuts), tuple(suspected))


def _other_side(
    name: BoneName, fragments: int, named: NamedLabels, surfaces: Sequence[Mesh]
) -> Mesh | None:
    """The largest piece of the same bone of the other side, if that is less broken."""
    across = [
        surface
        for other, surface in zip(named.names, surfaces, strict=False)
        if other.bone is name.bone and {name.side, other.side} == {Side.LEFT, Side.RIGHT}
    ]
    return across[0] if 0 < len(across) < fragments and name.bone.row.per_leg == 1 else None


def piece_surface(
    mask: Volume,
    smoothing: Smoothing | None = None,
    max_triangles: int | None = None,
    max_error_mm: float | None = None,
) -> PieceSurface:
    """Return the surface of one piece, and how far it lies from the mask's boundary."""
    volume_mm3 = float(np.count_nonzero(mask.voxels)) * mask.voxel_volume_mm3
    raw = raw_surface(mask)
    smooth = smoothed(raw, smoothing or Smoothing(), mask.affine, volume_mm3)
    finished = decimated(smooth, max_triangles, max_error_mm)
    points = min(SAMPLES, POINTS_PER_TRIANGLE * len(raw.faces))
    return finished, deviation(finished, raw, volume_mm3, points)


def alone_in(labels: Volume, box: Box, label: int) -> Volume:
    """The mask of one piece, cropped to its box."""
    affine = labels.affine.copy()
    affine[:3, 3] = labels.to_mm([box[axis].start for axis in (2, 1, 0)])
    return Volume((labels.voxels[box] == label).astype(np.uint8), affine)
