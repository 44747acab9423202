"""What is to be noted of a result, its pieces and its surface; doubts about it are flags."""

from __future__ import annotations

from afunet.findings import Finding, info, warning
from afunet.geometry import Mesh, Volume
from afunet.reconstruction.pieces import Instances


def result_findings(
    mask: Volume, mesh: Mesh | None, resampled_to: tuple[int, int] | None
) -> list[Finding]:
    """How the result came about; the network saw slices of `resampled_to` (row, column) pixels.

    None where it saw the scan's own.
    """
    found = []
    if resampled_to is not None:
        rows, columns = resampled_to
        found.append(
            info(
                "RESAMPLED",
                f"the network saw slices of {columns} × {rows} pixels, the mask is native",
            )
        )
    if not mask.voxels.any():
        found.append(warning("NO_BONE", "no bone was found in this scan"))
    elif mesh is not None and not mesh.is_watertight:
        found.append(warning("SURFACE_OPEN", f"the surface has {edge_faults(mesh)}"))
    return found


def piece_findings(instances: Instances) -> list[Finding]:
    """What there is to say of the pieces as a whole."""
    if not instances.not_measured or not instances.pieces:
        return []
    largest, rest = len(instances.pieces), instances.not_measured
    message = (
        f"{largest + rest} pieces, the {largest} largest have a surface and measures: noise or "
        "metal may have been taken for bone"
    )
    return [warning("MANY_PIECES", message)]


def edge_faults(mesh: Mesh) -> str:
    """What keeps a surface from being watertight, in words."""
    return f"{mesh.open_edges} open and {mesh.nonmanifold_edges} non-manifold edges"
