"""Findings about a result, its pieces and its surface. Doubts about the result are flags."""

from __future__ import annotations

from afunet.findings import Finding, info, warning
from afunet.geometry import Mesh, Volume
from afunet.geometry.sizes import area_text
from afunet.reconstruction.pieces import Instances

OF_MASK_FOUND = frozenset({"NO_BONE", "SURFACE_OPEN"})
OF_PIECES_FOUND = frozenset({"MANY_PIECES", "FRACTURE_SUSPECTED"})
"""The codes of findings that follow from the mask, and from the pieces."""


def result_findings(
    mask: Volume, mesh: Mesh | None, resampled_to: tuple[int, int] | None
) -> list[Finding]:
    """Return the findings about mask and surface.

    `resampled_to` is the (row, column) size of the slices that the network ran on, None if it ran
    on the scan's own pixels.
    """
    found = []
    if resampled_to is not None:
        rows, columns = resampled_to
        found.append(
            info(
                "RESAMPLED",
                f"the network ran on slices of {columns} × {rows} pixels; the mask has the scan's",
            )
        )
    if not mask.voxels.any():
        found.append(warning("NO_BONE", "no bone was found in this scan"))
    elif mesh is not None and not mesh.is_watertight:
        found.append(warning("SURFACE_OPEN", f"the surface has {edge_faults(mesh)}"))
    return found


def piece_findings(instances: Instances) -> list[Finding]:
    """Return where pieces may be broken, and a finding if there were more than are measured."""
    return [*_suspected(instances), *_too_many(instances)]


def _suspected(instances: Instances) -> list[Finding]:
    """Return a finding for each place where fragments may touch, the likeliest of each piece."""
    found: dict[int, Finding] = {}
    names = {piece.measures.label: piece.name for piece in instances.pieces}
    for cut in instances.suspected:
        if cut.one in found or cut.one not in names:
            continue
        index = round(float(instances.labels.to_indices(cut.centre_mm)[2]))
        place = ", ".join(f"{value:.0f}" for value in cut.centre_mm)
        message = (
            f"{names[cut.one]} may be broken near ({place}) mm, slice "
            f"{index + 1}, with fragments that touch (probability {cut.probability:.2f}, "
            f"{area_text(cut.area_mm2)}): look there"
        )
        found[cut.one] = warning("FRACTURE_SUSPECTED", message)
    return list(found.values())


def _too_many(instances: Instances) -> list[Finding]:
    if not instances.not_measured or not instances.pieces:
        return []
    largest, rest = len(instances.pieces), instances.not_measured
    message = (
        f"{largest + rest} pieces, only the {largest} largest have a surface and measurements: "
        "noise or metal may have been taken for bone"
    )
    return [warning("MANY_PIECES", message)]


def edge_faults(mesh: Mesh) -> str:
    """Return the edges that keep a surface from being watertight, as text."""
    return f"{mesh.open_edges} open and {mesh.nonmanifold_edges} non-manifold edges"
