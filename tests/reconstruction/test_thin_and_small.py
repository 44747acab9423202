"""Cortex as thin as a sheet and fragments of two millimetres live through all that is done."""

import numpy as np
import pytest

from afunet.anatomy.names import NamedLabels
from afunet.geometry import Volume
from afunet.reconstruction import surface
from afunet.reconstruction.instances import split_instances
from afunet.reconstruction.pieces import measure_pieces

SHAPE = (24, 48, 48)
STEPS_MM = np.array([0.7, 0.7, 1.4])
AFFINE = np.diag([*STEPS_MM, 1.0])
LIMITS: dict[str, dict[str, float]] = {
    "full": {},
    "to an error": {"max_error_mm": 0.1},
    "to a count": {"max_triangles": 400},
}


def centred_voxels() -> np.ndarray:
    """(column, row, slice) of each voxel's centre in voxels from the middle of the grid."""
    slices, rows, columns = np.indices(SHAPE)
    return np.stack([columns, rows, slices], axis=-1) - (np.array(SHAPE[::-1]) - 1) / 2


def inner() -> np.ndarray:
    return np.all(np.abs(centred_voxels()) < np.array(SHAPE[::-1]) / 2 - 3, axis=-1)


def straight_sheet() -> np.ndarray:
    """One voxel thick, across the slices."""
    return inner() & (np.abs(centred_voxels()[..., 2] - 0.5) < 0.5)


def oblique_sheet() -> np.ndarray:
    """One voxel thick along its slanting normal."""
    normal = np.array([0.6, 0.3, 0.742])
    return inner() & (np.abs(centred_voxels() @ normal) <= 0.5 * np.abs(normal).sum())


def shell() -> np.ndarray:
    """A hollow egg whose wall is as thin as lets it hang together by faces."""
    away = np.linalg.norm(centred_voxels() * (0.5, 0.5, 1.0), axis=-1)
    return np.abs(away - 8.3) < 0.6


THIN = {"straight": straight_sheet, "oblique": oblique_sheet, "shell": shell}


@pytest.mark.parametrize("limit", LIMITS.values(), ids=LIMITS)
@pytest.mark.parametrize("kind", THIN)
def test_thin_cortex_stays_closed_whole_and_as_thick(kind: str, limit: dict[str, float]) -> None:
    mask = Volume(THIN[kind]().astype(np.uint8), AFFINE)
    mm3 = np.count_nonzero(mask.voxels) * mask.voxel_volume_mm3
    mesh = surface(mask, **limit)
    assert mesh.is_watertight
    assert mesh.volume_mm3 == pytest.approx(mm3, rel=0.01 if limit else 0.001)
    assert len(mesh.faces) <= limit.get("max_triangles", np.inf)


@pytest.mark.parametrize("limit", LIMITS.values(), ids=LIMITS)
@pytest.mark.parametrize("step_mm", [0.5, 1.0, 2.0])
def test_fragments_of_two_millimetres_keep_their_volume_however_few_their_voxels(
    step_mm: float, limit: dict[str, float]
) -> None:
    affine = np.diag([0.7, 0.7, step_mm, 1.0])
    slices, rows, columns = np.indices((20, 40, 40))
    points = Volume(np.zeros((20, 40, 40)), affine).to_mm(np.stack([columns, rows, slices], -1))
    voxels = np.zeros((20, 40, 40), np.uint8)
    for centre in ((5.1, 5.3, 3 * step_mm), (14.2, 5.0, 9.3 * step_mm), (9, 20.2, 16.4 * step_mm)):
        voxels[np.linalg.norm(points - centre, axis=-1) <= 1.0] = 1
    labels = split_instances(Volume(voxels, affine))
    pieces = measure_pieces(NamedLabels.unnamed(labels), **limit).pieces
    assert len(pieces) == 3
    for piece in pieces:
        assert piece.watertight
        assert abs(piece.deviation.volume_change) <= 0.001
