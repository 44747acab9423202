"""Which bones are measured, and the measurement of one bone of either side."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from afunet.anatomy.bones import Bone, Side
from afunet.geometry import Mesh
from afunet.landmarks.femur import FEMUR_MEASURES, measure_femur
from afunet.landmarks.pelvis import PELVIS_MEASURES, measure_pelvis
from afunet.landmarks.results import Definition, Found
from afunet.landmarks.spread import Spread, spread_of
from afunet.reconstruction.surface_points import SurfacePoints

MIRROR = np.diag([-1.0, 1.0, 1.0, 1.0])


@dataclass(frozen=True, eq=False)
class Measured:
    """How the measures of a bone are found, and all that it should show."""

    measure: Callable[[SurfacePoints], Found]
    asked: tuple[Definition, ...]


MEASURED: Mapping[Bone, Measured] = {
    Bone.FEMUR: Measured(measure_femur, FEMUR_MEASURES),
    Bone.PELVIS: Measured(measure_pelvis, PELVIS_MEASURES),
}


def measured_bone(bone: Bone, side: Side | None, parts: Sequence[Mesh]) -> Spread:
    """Measure a bone of `MEASURED` from its surfaces in LPS mm; results are in LPS mm.

    Right bones are mirrored, measured as left ones, and mirrored back. A pelvis may come in parts
    (hip bones, sacrum); any other bone in several pieces, or without a side, shows nothing.
    """
    asked = MEASURED[bone].asked
    if bone.row.sided and bone is not Bone.PELVIS:
        if side is None:
            return _nothing(asked, "the side of the bone is unknown")
        if len(parts) > 1:
            return _nothing(asked, f"the bone is in {len(parts)} pieces, expected one")
    mesh = _joined(parts)
    if side is not Side.RIGHT or bone is Bone.PELVIS:
        return spread_of(mesh, MEASURED[bone].measure)
    spread = spread_of(mesh.transformed(MIRROR), MEASURED[bone].measure)
    return Spread(spread.found.mirrored(), spread.sd_mm, spread.intervals)


def _nothing(asked: tuple[Definition, ...], reason: str) -> Spread:
    return Spread(Found.nothing(asked, reason), {}, {})


def _joined(parts: Sequence[Mesh]) -> Mesh:
    starts = np.cumsum([0, *(len(part.vertices_mm) for part in parts)])
    return Mesh(
        np.concatenate([part.vertices_mm for part in parts]),
        np.concatenate(
            [part.faces + start for part, start in zip(parts, starts[:-1], strict=True)]
        ),
    )
