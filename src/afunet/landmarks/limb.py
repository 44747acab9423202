"""The measurement of a pelvis, and of a leg of either side with what its bones have in common."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from afunet.anatomy.bones import Bone, Side
from afunet.geometry import Mesh
from afunet.landmarks.femur import FEMUR_MEASURES, measure_femur
from afunet.landmarks.fibula import FIBULA_MEASURES, measure_fibula
from afunet.landmarks.isb import with_isb_frames
from afunet.landmarks.leg import measure_leg
from afunet.landmarks.patella import PATELLA_MEASURES, measure_patella
from afunet.landmarks.pelvis import PELVIS_MEASURES, measure_pelvis
from afunet.landmarks.results import Definition, Found
from afunet.landmarks.spread import Spread, spread_of
from afunet.landmarks.tibia import TIBIA_MEASURES, TUBEROSITY, measure_tibia
from afunet.reconstruction.surface_points import SurfacePoints

ASKED: Mapping[Bone, tuple[Definition, ...]] = {
    Bone.PELVIS: PELVIS_MEASURES,
    Bone.FEMUR: FEMUR_MEASURES,
    Bone.TIBIA: TIBIA_MEASURES,
    Bone.FIBULA: FIBULA_MEASURES,
    Bone.PATELLA: PATELLA_MEASURES,
}
"""The bones that are measured, and all that each should show."""
LEG = "leg"
"""The name under which the measures between the bones of a leg are listed."""
MIRROR = np.diag([-1.0, 1.0, 1.0, 1.0])
NO_SIDE = "the side of the bone is unknown"
NO_TIBIA = "no whole tibia shows the directions of the leg"


def measured_pelvis(parts: Sequence[Mesh]) -> dict[str, Spread]:
    """Measure a pelvis from its surfaces (both hip bones and the sacrum, or one) in LPS mm."""

    def measure(surfaces: Mapping[Bone, SurfacePoints]) -> dict[str, Found]:
        return {Bone.PELVIS: measure_pelvis(surfaces[Bone.PELVIS])}

    return with_isb_frames(spread_of({Bone.PELVIS: _joined(parts)}, measure), None)


def measured_leg(side: Side | None, bones: Mapping[Bone, Sequence[Mesh]]) -> dict[str, Spread]:
    """Measure the bones of one leg, and between them (`LEG`), from surfaces in LPS mm.

    A right leg is mirrored, measured as a left one, and mirrored back. A bone in several pieces
    shows nothing; without a side, no bone does.
    """
    if side is None:
        return {bone: Spread(Found.nothing(ASKED[bone], NO_SIDE)) for bone in bones}
    unfit = {
        bone: Found.nothing(ASKED[bone], f"the {bone} is in {len(parts)} pieces, expected one")
        for bone, parts in bones.items()
        if len(parts) != 1
    }
    whole = {bone: parts[0] for bone, parts in bones.items() if bone not in unfit}
    if side is Side.RIGHT:
        whole = {bone: mesh.transformed(MIRROR) for bone, mesh in whole.items()}
    spreads = spread_of(whole, lambda surfaces: left_leg(surfaces, unfit))
    if side is Side.RIGHT:
        spreads = {name: spread.mirrored() for name, spread in spreads.items()}
    return with_isb_frames(spreads, side)


def left_leg(
    surfaces: Mapping[Bone, SurfacePoints], unfit: Mapping[Bone, Found]
) -> dict[str, Found]:
    """Measure the bones of a left leg and what they have in common; `unfit` bones show nothing."""
    found = dict(unfit)
    if Bone.FEMUR in surfaces:
        found[Bone.FEMUR] = measure_femur(surfaces[Bone.FEMUR])
    if Bone.TIBIA in surfaces:
        found[Bone.TIBIA] = measure_tibia(surfaces[Bone.TIBIA])
    tibia = found.get(Bone.TIBIA, Found())
    for bone in (Bone.FIBULA, Bone.PATELLA):
        if bone not in surfaces:
            continue
        if TUBEROSITY not in tibia.landmarks:
            found[bone] = Found.nothing(ASKED[bone], NO_TIBIA)
        elif bone is Bone.FIBULA:
            found[bone] = measure_fibula(surfaces[bone], tibia)
        else:
            found[bone] = measure_patella(surfaces[bone], tibia.landmarks[TUBEROSITY])
    return {**{str(bone): one for bone, one in found.items()}, LEG: measure_leg(found)}


def _joined(parts: Sequence[Mesh]) -> Mesh:
    starts = np.cumsum([0, *(len(part.vertices_mm) for part in parts)])
    return Mesh(
        np.concatenate([part.vertices_mm for part in parts]),
        np.concatenate(
            [part.faces + start for part, start in zip(parts, starts[:-1], strict=True)]
        ),
    )
