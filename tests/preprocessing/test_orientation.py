"""Any of the 48 ways to store a volume leads to the same axial slices."""

from itertools import permutations, product

import numpy as np
import pytest

from afunet.geometry import Volume
from afunet.preprocessing.orientation import axial_view

AXIAL = Volume(
    np.arange(24, dtype=np.int16).reshape(2, 3, 4),
    np.array([[0.5, 0, 0, -10], [0, 0.7, 0, 20], [0, 0, 3, 100], [0, 0, 0, 1]]),
)
STORAGES = list(product(permutations(range(3)), product([False, True], repeat=3)))
every_storage = pytest.mark.parametrize(("order", "flips"), STORAGES)


def stored(volume: Volume, order: tuple[int, ...], flips: tuple[bool, ...]) -> Volume:
    """The same anatomy with its index axes (column, row, slice) taken in `order`, some reversed."""
    voxels = volume.voxels.transpose(2, 1, 0)  # array axes now are index axes
    affine = volume.affine.copy()
    for axis, flip in enumerate(flips):
        if flip:
            affine[:, 3] += affine[:, axis] * (voxels.shape[axis] - 1)
            affine[:, axis] *= -1
            voxels = np.flip(voxels, axis)
    voxels = voxels.transpose(order).transpose(2, 1, 0)
    return Volume(np.ascontiguousarray(voxels), affine[:, [*order, 3]])


def turned(volume: Volume, degrees: float) -> Volume:
    """Turned in the patient about the axis (1, 1, 1) by Rodrigues' formula."""
    angle = np.radians(degrees)
    k = np.array([[0, -1, 1], [1, 0, -1], [-1, 1, 0]]) / np.sqrt(3)
    turn = np.eye(4)
    turn[:3, :3] += np.sin(angle) * k + (1 - np.cos(angle)) * k @ k
    return Volume(volume.voxels, turn @ volume.affine)


def values_at(volume: Volume, points_mm: np.ndarray) -> np.ndarray:
    indices = volume.to_indices(points_mm)
    column, row, index = np.moveaxis(np.rint(indices).astype(int), -1, 0)
    np.testing.assert_allclose(indices, np.rint(indices), atol=1e-9)
    return np.asarray(volume.voxels[index, row, column])


def voxel_centres_mm(volume: Volume) -> np.ndarray:
    slices, rows, columns = volume.shape
    axes = np.meshgrid(range(columns), range(rows), range(slices), indexing="ij")
    return volume.to_mm(np.stack(axes, axis=-1).reshape(-1, 3))


def test_there_are_48_ways_to_store_a_volume() -> None:
    assert len({stored(AXIAL, *way).affine.tobytes() for way in STORAGES}) == 48


@every_storage
def test_every_storage_gives_the_same_axial_volume(
    order: tuple[int, ...], flips: tuple[bool, ...]
) -> None:
    volume = stored(AXIAL, order, flips)
    axial = axial_view(volume).apply(volume)
    np.testing.assert_allclose(axial.affine, AXIAL.affine, atol=1e-12)
    assert axial.voxels.tolist() == AXIAL.voxels.tolist()


@every_storage
def test_an_oblique_storage_keeps_each_voxel_in_its_place_and_comes_back(
    order: tuple[int, ...], flips: tuple[bool, ...]
) -> None:
    volume = turned(stored(AXIAL, order, flips), 25)
    view = axial_view(volume)
    axial = view.apply(volume)
    points = voxel_centres_mm(volume)
    assert values_at(axial, points).tolist() == values_at(volume, points).tolist()
    assert axial.directions.diagonal().min() > 0.9  # to the left, to the back, to the head
    restored = view.restore(axial.voxels)
    assert restored.tolist() == volume.voxels.tolist()
    assert restored.flags.c_contiguous


def test_the_view_of_an_axial_volume_changes_nothing() -> None:
    view = axial_view(AXIAL)
    assert view.order == (0, 1, 2)
    assert view.flipped == (False, False, False)


def test_a_view_makes_no_copy() -> None:
    volume = stored(AXIAL, (1, 2, 0), (True, False, True))
    assert np.shares_memory(axial_view(volume).apply(volume).voxels, volume.voxels)


def test_two_axes_at_45_degrees_still_get_an_axis_each() -> None:
    half = np.sqrt(0.5)
    diagonal = np.array([[half, -half, 0, 0], [half, half, 0, 0], [0, 0, 1, 0], [0, 0, 0, 1]])
    volume = Volume(AXIAL.voxels, diagonal)
    view = axial_view(volume)
    assert sorted(view.order) == [0, 1, 2]
    assert view.restore(view.apply(volume).voxels).tolist() == volume.voxels.tolist()
