"""Findings about a result, its pieces and its surface. Doubts about the result are flags."""

from __future__ import annotations

from afunet.findings import Finding, info, warning
from afunet.geometry import Mesh, Volume
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


def piece_findings(instances: Instances, *, flagged: bool = False) -> list[Finding]:
    """Return where pieces may be broken, and a finding if there were more than are measured.

    With `flagged`, flags tell where pieces may be broken, so that no finding does.
    """
    return [*([] if flagged else _suspected(instances)), *_too_many(instances)]


def _suspected(instances: Instances) -> list[Finding]:
    names = {piece.measures.label: piece.name for piece in instances.pieces}
    found = []
    for one in instances.suspected:
        label = one.cut.one
        index = round(float(instances.labels.to_indices(one.cut.centre_mm)[2]))
        words = one.in_words(names.get(label, f"piece {label}"), index + 1)
        found.append(warning("FRACTURE_SUSPECTED", words))
    return found


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
