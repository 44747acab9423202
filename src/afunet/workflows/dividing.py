"""The surface of a mask, and its pieces with their names; each is tried on its own."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np

from afunet.anatomy.names import BoneName, NamedLabels
from afunet.anatomy.naming import name_pieces
from afunet.fragments.contact_map import are_contacts_shipped
from afunet.fragments.named_bones import Fragmented, part_named_bones
from afunet.geometry import Mesh, Volume
from afunet.reconstruction.instances import split_instances
from afunet.reconstruction.pieces import Instances, measure_pieces
from afunet.reconstruction.remeasuring import remeasured
from afunet.reconstruction.surface import surface
from afunet.watch import Watch
from afunet.workflows.attempts import Attempts
from afunet.workflows.stopwatch import Stopwatch

SURFACE, INSTANCES, PIECES, NAMES = "surface", "instances", "pieces", "names"
FRAGMENTS = "fragments"


@dataclass(frozen=True, eq=False)
class Dividing:
    """Divides masks; surfaces are simplified as `decimated` says. Raises only `Cancelled`.

    `stopwatch` times the stages.
    """

    attempts: Attempts
    max_triangles: int | None
    max_error_mm: float | None
    watch: Watch
    stopwatch: Stopwatch = field(default_factory=Stopwatch)

    def surface(self, mask: Volume) -> Mesh | None:
        """Return the surface of all bone, None if it could not be made."""
        with self.stopwatch.stage(SURFACE), self.attempts.at(SURFACE):
            return surface(
                mask,
                max_triangles=self.max_triangles,
                max_error_mm=self.max_error_mm,
                watch=self.watch,
            )
        return None

    def pieces(
        self, mask: Volume, scan: Volume | None, *, spacing_known: bool, sides_known: bool
    ) -> Instances:
        """Return bones and fragments; their names need millimetres and are left out if they fail.

        With a scan in HU on the mask's grid, fragments that touch are told apart too. If bone could
        not be divided, it has one label, and no piece is measured.
        """
        with self.stopwatch.stage(PIECES), self.attempts.at(PIECES):
            with self.stopwatch.stage(INSTANCES):
                labels = split_instances(mask, scan=scan, watch=self.watch)
                named = NamedLabels.unnamed(labels)
            if spacing_known:  # nothing else keeps the labels: naming may divide them anew
                named = self._named(named, sides_known)
            found = self._fragmented(named, scan if spacing_known else None)
            return measure_pieces(
                found.named,
                scan,
                cuts=found.cuts,
                suspected=found.suspected,
                max_triangles=self.max_triangles,
                max_error_mm=self.max_error_mm,
                watch=self.watch,
            )
        return undivided(mask)

    def told(self, labels: Volume, names: Mapping[int, BoneName], scan: Volume | None) -> Instances:
        """Return the labels as they are as the pieces, with these names; else as `pieces` does."""
        with self.stopwatch.stage(PIECES), self.attempts.at(PIECES):
            return remeasured(
                labels,
                names,
                scan,
                max_triangles=self.max_triangles,
                max_error_mm=self.max_error_mm,
                watch=self.watch,
            )
        return undivided(labels)

    def _named(self, unnamed: NamedLabels, sides_known: bool) -> NamedLabels:
        self.watch.tell(NAMES, 0, 1)
        with self.stopwatch.stage(NAMES), self.attempts.at(NAMES):
            named = name_pieces(unnamed.labels, sides_known=sides_known)
            self.watch.tell(NAMES, 1, 1)
            return named
        return unnamed

    def _fragmented(self, named: NamedLabels, scan: Volume | None) -> Fragmented:
        if scan is not None and are_contacts_shipped():
            with self.stopwatch.stage(FRAGMENTS), self.attempts.at(FRAGMENTS):
                return part_named_bones(named, scan, watch=self.watch)
        return Fragmented(named)


def undivided(mask: Volume) -> Instances:
    """Return all bone under one label, and no piece."""
    return Instances(mask.with_voxels((mask.voxels != 0).astype(np.uint8)))
