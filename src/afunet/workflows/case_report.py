"""What the report says of one case, from the scan, the prediction, the mask and the surface."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict

import numpy as np
from numpy.typing import NDArray

from afunet.findings import Finding, info, warning
from afunet.formats.plane import plane_name
from afunet.formats.scan import Scan
from afunet.geometry import Mesh, Volume
from afunet.inference.cleanup import CleanUp, CleanUpRules
from afunet.inference.volume import Prediction
from afunet.models.checkpoint import Header
from afunet.reconstruction.pieces import Instances, Piece
from afunet.reconstruction.surface import EMPTY_MESH
from afunet.report.facts import (
    FRAME,
    BoneFacts,
    GridFacts,
    ModelFacts,
    PieceFacts,
    SurfaceFacts,
)


def grid_facts(scan: Scan) -> GridFacts:
    """Size, spacing and orientation of the scan."""
    slices, rows, columns = scan.volume.shape
    column_mm, row_mm, slice_mm = (float(value) for value in scan.volume.spacing_mm)
    return GridFacts(
        size=(columns, rows, slices),
        spacing_mm=(column_mm, row_mm, slice_mm),
        spacing_known=scan.source.spacing_known,
        orientation=plane_name(scan.volume.affine[:3, 2]),
    )


def bone_facts(
    mask: Volume, cleaned: CleanUp, rules: CleanUpRules, instances: Instances
) -> BoneFacts:
    """The cleaned mask in numbers; pieces are those it was split into, not what hangs together."""
    labels = instances.labels.voxels
    # Slice by slice: NumPy counts in a copy of eight bytes a voxel.
    counts = [np.bincount(plane.ravel(), minlength=int(labels.max()) + 1) for plane in labels]
    sizes = np.sum(counts, axis=0)[1:]
    done = asdict(cleaned)
    del done["pieces_kept"], done["smallest_kept_mm3"]
    return BoneFacts(
        volume_cm3=float(np.count_nonzero(mask.voxels)) * mask.voxel_volume_mm3 / 1000,
        pieces=len(sizes),
        smallest_piece_mm3=float(min(sizes, default=0)) * mask.voxel_volume_mm3,
        slices_with_bone=int(mask.voxels.any(axis=(1, 2)).sum()),
        slices=mask.shape[0],
        cleanup={**done, "speck_limit_mm3": rules.speck_mm3},
    )


def model_facts(header: Header, sha256: str, prediction: Prediction) -> ModelFacts:
    """Which network gave the mask, and on which grid."""
    return ModelFacts(
        name=header.model,
        options=header.options,
        sha256=sha256,
        window_hu=header.window_hu,
        working_pixels=prediction.grid.working,
        patch_px=header.patch_px,
    )


def surface_facts(mesh: Mesh | None, scan: Scan, renderer: str) -> SurfaceFacts:
    """The surface in numbers, its frame and its unit; `renderer` drew it. None has no triangle."""
    mesh = EMPTY_MESH if mesh is None else mesh
    return SurfaceFacts(
        triangles=len(mesh.faces),
        area_cm2=0.0 if mesh.is_empty else mesh.area_mm2 / 100,
        enclosed_cm3=mesh.volume_mm3 / 1000,
        open_edges=mesh.open_edges,
        nonmanifold_edges=mesh.nonmanifold_edges,
        watertight=mesh.is_watertight,
        frame=FRAME,
        unit="mm" if scan.source.spacing_known else "voxels",
        renderer=renderer,
    )


def edge_faults(mesh: Mesh) -> str:
    """What keeps a surface from being watertight, in words."""
    return f"{mesh.open_edges} open and {mesh.nonmanifold_edges} non-manifold edges"


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


def piece_facts(instances: Instances) -> tuple[PieceFacts, ...]:
    """Every piece in numbers, the largest first."""
    names = {piece.measures.label: piece.name for piece in instances.pieces}
    return tuple(_piece(piece, names) for piece in instances.pieces)


def _piece(piece: Piece, names: Mapping[int, str]) -> PieceFacts:
    size, density, apart = piece.measures, piece.measures.density, piece.deviation
    return PieceFacts(
        name=piece.name,
        bone=piece.bone.bone,
        side=piece.bone.side or "",
        sureness=piece.bone.sureness,
        side_sureness=piece.bone.side_sureness,
        rank=piece.rank,
        label=size.label,
        volume_mm3=size.volume_mm3,
        area_mm2=piece.surface.area_mm2,
        length_mm=size.length_mm,
        extent_mm=_three(size.extent_mm),
        centre_mm=_three(size.centroid_mm),
        lowest_mm=_three(size.lowest_mm),
        highest_mm=_three(size.highest_mm),
        mean_hu=None if density is None else density.mean_hu,
        low_hu=None if density is None else density.low_hu,
        high_hu=None if density is None else density.high_hu,
        nearest="" if piece.gap.label is None else names[piece.gap.label],
        gap_mm=None if piece.gap.label is None else piece.gap.mm,
        deviation_mm=(apart.mean_mm, apart.p95_mm, apart.largest_mm),
        volume_change=apart.volume_change,
        triangles=apart.triangles,
        open_edges=apart.open_edges,
        nonmanifold_edges=apart.nonmanifold_edges,
        watertight=piece.surface.is_watertight,
    )


def _three(values: NDArray[np.float64]) -> tuple[float, float, float]:
    first, second, third = (float(value) for value in values)
    return first, second, third


def result_findings(prediction: Prediction, mask: Volume, mesh: Mesh | None) -> list[Finding]:
    """What is to be noted of how the result came about; doubts about it are flags."""
    found = []
    if prediction.grid.resamples:
        rows, columns = prediction.grid.working
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
