"""Split a mask into bones and fracture fragments, each with its own label.

Pieces that touch are distinguished from parts of one piece by how they meet. A component is cut
into the basins of its depth below the surface (watershed, Beucher and Lantuéjoul 1979). Then basins
are joined again, the best connected first, unless

* they face each other across a gap more than they touch, as at a fracture line or a joint that the
  voxels show only in part, or
* only a thin neck joins them, as with bones that touch and fragments that are driven together.

Both are measured over the whole area where two regions meet at that moment, so that a gap that is
bridged in places still separates its two sides.
"""

from __future__ import annotations

import heapq
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import cc3d
import edt
import numpy as np
from numpy.typing import NDArray
from scipy import ndimage
from skimage.segmentation import watershed

from afunet.errors import ConfigError
from afunet.geometry import Volume, bounding_box
from afunet.geometry.labels import label_sizes
from afunet.reconstruction.cavities import AtBorder, without_cavities
from afunet.reconstruction.contacts import Contact, contacts_of
from afunet.reconstruction.missed_bone import with_missed_bone
from afunet.watch import UNWATCHED, Watch

STAGE = "instances"
BASIN_MM = 1.0  # two maxima of depth closer than this belong to one basin
LARGEST_BOND = 1e3  # larger than every bond by contact
FEW_PIECES = 255  # more than a limb has
CORNERS = np.ones((3, 3, 3), dtype=np.bool_)

IntArray = NDArray[np.int32]
Labels = NDArray[np.unsignedinteger]


@dataclass(frozen=True)
class SplitRules:
    """When regions that touch are one piece.

    They are one piece if `share · min(1, neck / least_neck)` reaches `least_contact`. `share` is
    the touching share of the area where they meet, `neck` the width of the bridge divided by the
    width of the thinner region. Regions face each other across gaps of up to `reach_mm`. Small
    regions need less contact, because a rough surface faces itself: if the smaller region has
    `smallest_mm3`, they need `least_contact_of_lumps`, which rises with the logarithm of its volume
    to `least_contact` at `large_mm3`. A region below `smallest_mm3` that touches another is never a
    piece of its own.
    """

    least_contact: float = 0.85
    least_contact_of_lumps: float = 0.70
    least_neck: float = 0.40
    reach_mm: float = 2.0
    smallest_mm3: float = 50.0
    large_mm3: float = 500.0

    def __post_init__(self) -> None:
        for name in ("least_contact", "least_contact_of_lumps", "least_neck"):
            if not 0 < getattr(self, name) <= 1:
                raise ConfigError(
                    f"{name} must be above 0 and at most 1, got {getattr(self, name)}"
                )
        for name in ("reach_mm", "smallest_mm3", "large_mm3"):
            if not getattr(self, name) >= 0:
                raise ConfigError(f"{name} must be 0 or more, got {getattr(self, name)}")

    def contact_asked(self, mm3: float) -> float:
        """The contact that makes two regions one piece if the smaller one has volume `mm3`."""
        if mm3 >= self.large_mm3 or self.smallest_mm3 <= 0:
            return self.least_contact
        part = np.log(max(mm3 / self.smallest_mm3, 1.0)) / np.log(
            self.large_mm3 / self.smallest_mm3
        )
        low = self.least_contact_of_lumps
        return float(low + (self.least_contact - low) * part)


def split_instances(
    mask: Volume,
    rules: SplitRules | None = None,
    *,
    scan: Volume | None = None,
    watch: Watch = UNWATCHED,
) -> Volume:
    """Return an unsigned label map of a mask's pieces, 1 being the largest; 0 where the mask is 0.

    Pieces are 6-connected components, split where `rules` find that two pieces touch. A piece below
    the smallest size that touches another at an edge or a corner becomes part of it. Cavities are
    no gaps, nor is bone or marrow that the mask misses and a `scan` in HU shows. Raises
    `GeometryError` for a scan on another grid, and `Cancelled`.
    """
    rules = rules or SplitRules()
    if scan is not None:
        mask.require_same_grid(scan, "the scan")
    around = bounding_box(mask.voxels)
    if around is None:
        return mask.with_voxels(np.zeros(mask.shape, dtype=np.uint8))
    labels = _components(mask.voxels[around] != 0, connectivity=6)
    boxes = ndimage.find_objects(labels)
    labels = labels.astype(np.min_scalar_type(FEW_PIECES + len(boxes)))

    def split(number: int) -> IntArray:
        box = boxes[number - 1]
        at_border = [
            (side.start + outer.start == 0, side.stop + outer.start == size)
            for side, outer, size in zip(box, around, mask.shape, strict=True)
        ]
        hu = None if scan is None else scan.voxels[around][box]
        return _split(labels[box] == number, hu, at_border, mask, rules)

    # Pieces are numbered after the components, whose voxels they replace.
    count = len(boxes)
    numbers = range(1, count + 1)
    for box, pieces in zip(boxes, watch.in_threads(split, numbers, STAGE), strict=True):
        inside, last = pieces > 0, count + int(pieces.max())
        labels = labels.astype(np.promote_types(labels.dtype, np.min_scalar_type(last)), copy=False)
        labels[box][inside] = pieces[inside] + count
        count = last
    _absorb_crumbs(labels, rules.smallest_mm3 / mask.voxel_volume_mm3)
    numbered = _largest_first(labels)
    voxels = np.zeros(mask.shape, dtype=numbered.dtype)
    voxels[around] = numbered
    return mask.with_voxels(voxels)


def _split(
    inside: NDArray[np.bool_],
    hu: NDArray[np.floating] | None,
    at_border: Sequence[AtBorder],
    mask: Volume,
    rules: SplitRules,
) -> IntArray:
    """The pieces of one component, from 1; with the bone that it misses there may be fewer."""
    if inside.sum() * mask.voxel_volume_mm3 < 2 * rules.smallest_mm3:
        return inside.astype(np.int32)
    pieces = _divided(without_cavities(inside, at_border), mask, rules)
    if hu is not None and pieces.max() > 1:
        whole = with_missed_bone(inside, hu, mask.array_spacing_mm)
        again = _divided(without_cavities(whole, at_border), mask, rules)
        pieces = again if again.max() < pieces.max() else pieces
    return pieces * inside


def _divided(inside: NDArray[np.bool_], mask: Volume, rules: SplitRules) -> IntArray:
    """The basins of one component, joined to pieces from 1."""
    spacing_mm = mask.array_spacing_mm
    depth_mm = edt.edt(inside, anisotropy=spacing_mm, black_border=True, parallel=0)
    basins = _basins(inside, depth_mm, spacing_mm)
    if basins.max() < 2:
        return basins
    regions = _Regions.of(basins, depth_mm, spacing_mm, mask.voxel_volume_mm3, rules)
    _, numbers = np.unique(regions.joined(), return_inverse=True)  # 0, the background, stays 0
    return np.asarray(numbers, dtype=np.int32)[basins]


def _basins(
    inside: NDArray[np.bool_], depth_mm: NDArray[np.float32], spacing_mm: tuple[float, float, float]
) -> IntArray:
    # Nothing here keeps the arguments, so that `watershed` can free them when it has copied them.
    basins = watershed(-depth_mm, _seeds(inside, depth_mm, spacing_mm), CORNERS, mask=inside)
    return np.asarray(basins, dtype=np.int32)


def _seeds(
    inside: NDArray[np.bool_], depth_mm: NDArray[np.float32], spacing_mm: tuple[float, float, float]
) -> IntArray:
    """A number for each deepest place, from 1; 0 elsewhere."""
    reach = [max(3, 2 * round(BASIN_MM / step_mm) + 1) for step_mm in spacing_mm]
    deepest = (depth_mm >= ndimage.maximum_filter(depth_mm, reach)) & inside
    return np.asarray(_components(deepest, connectivity=26).view(np.int32))


def _components(inside: NDArray[np.bool_], connectivity: int) -> NDArray[np.uint32]:
    return np.asarray(
        cc3d.connected_components(
            inside, connectivity=connectivity, binary_image=True, out_dtype=np.uint32
        )
    )


@dataclass(eq=False)
class _Regions:
    """Regions that are being joined: their volume and depth, and the contacts between them."""

    mm3: NDArray[np.float64]
    depth_mm: NDArray[np.float64]
    neighbours: list[dict[int, Contact]]
    rules: SplitRules

    @classmethod
    def of(
        cls,
        basins: IntArray,
        depth_mm: NDArray[np.float32],
        spacing_mm: tuple[float, float, float],
        voxel_mm3: float,
        rules: SplitRules,
    ) -> _Regions:
        count = int(basins.max()) + 1
        deepest = np.zeros(count, dtype=depth_mm.dtype)
        filled = basins > 0
        # NumPy is ten times as fast if the indices are `intp` and the types are equal.
        np.maximum.at(deepest, basins[filled].astype(np.intp), depth_mm[filled])
        neighbours: list[dict[int, Contact]] = [{} for _ in range(count)]
        for (one, other), contact in contacts_of(
            basins, depth_mm, spacing_mm, rules.reach_mm
        ).items():
            neighbours[one][other] = neighbours[other][one] = contact
        mm3 = label_sizes(basins).astype(np.float64) * voxel_mm3
        return cls(mm3, deepest.astype(np.float64), neighbours, rules)

    def joined(self) -> NDArray[np.int64]:
        """For every region, the region that it became part of, (regions,)."""
        owner = np.arange(len(self.mm3))
        age = np.zeros(len(self.mm3), dtype=np.int64)  # how often a region has grown
        gone = np.zeros(len(self.mm3), dtype=np.bool_)
        waiting = list(self._candidates(range(len(self.mm3)), age))
        heapq.heapify(waiting)
        while waiting:
            _, one, other, *ages = heapq.heappop(waiting)
            if gone[one] or gone[other] or ages != [age[one], age[other]]:
                continue
            self._join(one, other)
            owner[owner == other] = one
            gone[other] = True
            age[one] += 1
            for candidate in self._candidates([one], age):
                heapq.heappush(waiting, candidate)
        return owner

    def _candidates(
        self, ones: range | list[int], age: NDArray[np.int64]
    ) -> Iterator[tuple[float, int, int, int, int]]:
        """Pairs to join and their present ages, as tuples that sort the best pair first."""
        for one in ones:
            for other in self.neighbours[one]:
                bond = self._bond(one, other)
                if bond > 0:
                    yield -bond, one, other, int(age[one]), int(age[other])

    def _bond(self, one: int, other: int) -> float:
        """How strongly two regions are one piece, 0 if they are not; specks are joined first."""
        contact = self.neighbours[one][other]
        if contact.touching_mm2 == 0:
            return 0.0
        neck = contact.neck_mm / min(self.depth_mm[one], self.depth_mm[other])
        smaller_mm3 = float(min(self.mm3[one], self.mm3[other]))
        if smaller_mm3 < self.rules.smallest_mm3:
            return LARGEST_BOND + float(contact.share * neck)
        held = float(contact.share * min(1.0, neck / self.rules.least_neck))
        bond = held / self.rules.contact_asked(smaller_mm3)
        return bond if bond >= 1 else 0.0

    def _join(self, one: int, other: int) -> None:
        self.mm3[one] += self.mm3[other]
        self.depth_mm[one] = max(self.depth_mm[one], self.depth_mm[other])
        for third, contact in self.neighbours[other].items():
            del self.neighbours[third][other]
            if third == one:
                continue
            known = self.neighbours[one].get(third)
            both = contact if known is None else known.with_more(contact)
            self.neighbours[one][third] = self.neighbours[third][one] = both
        self.neighbours[other] = {}


def _absorb_crumbs(labels: Labels, smallest: float) -> None:
    """Join pieces of fewer than `smallest` voxels to a piece that they touch, in place."""
    sizes = label_sizes(labels)
    crumbs = [
        label for label in np.argsort(sizes, kind="stable") if label and 0 < sizes[label] < smallest
    ]
    boxes = ndimage.find_objects(labels) if crumbs else []
    for label in crumbs:
        around = tuple(slice(max(part.start - 1, 0), part.stop + 1) for part in boxes[label - 1])
        near = labels[around]
        crumb = near == label
        met = near[ndimage.binary_dilation(crumb, CORNERS) & ~crumb & (near > 0)]
        if len(met):
            near[crumb] = np.bincount(met).argmax()


def _largest_first(labels: Labels) -> NDArray[np.unsignedinteger]:
    sizes = label_sizes(labels)
    order = np.argsort(-sizes, kind="stable")[: np.count_nonzero(sizes)]
    new = np.zeros(len(sizes), dtype=np.min_scalar_type(len(order)))
    new[order] = np.arange(1, len(order) + 1)
    return new[labels]
