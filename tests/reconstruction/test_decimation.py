import numpy as np
import pytest

from afunet.errors import ConfigError
from afunet.geometry import Mesh, Volume
from afunet.reconstruction import surface
from afunet.reconstruction.decimation import decimated


def ball_and_fragment() -> Volume:
    slices, rows, columns = np.indices((30, 30, 30)) - 12
    voxels = slices**2 + rows**2 + columns**2 <= 10**2
    voxels[26:28, 26:28, 26:28] = True
    return Volume(voxels, np.diag([0.7, 0.7, 1.0, 1.0]))


def parts(mesh: Mesh) -> int:
    label = np.arange(len(mesh.vertices_mm))
    for _ in range(len(label)):
        lowest = label.copy()
        np.minimum.at(lowest, mesh.faces, label[mesh.faces].min(axis=1)[:, None])
        if (lowest == label).all():
            break
        label = lowest
    return len(np.unique(label[mesh.faces]))


def test_fewer_triangles_keep_the_volume_the_fragment_and_the_closed_surface() -> None:
    full = surface(ball_and_fragment())
    fewer = surface(ball_and_fragment(), max_triangles=400)
    assert len(full.faces) > 2000
    assert len(fewer.faces) <= 400
    assert fewer.is_watertight
    assert parts(fewer) == 2
    assert fewer.volume_mm3 == pytest.approx(full.volume_mm3, rel=0.02)


def test_ragged_surface_keeps_more_triangles_rather_than_tearing() -> None:
    noise = np.random.default_rng(0).random((10, 10, 10)) < 0.3
    full = surface(Volume(noise, np.eye(4)))
    fewer = decimated(full, 200)
    assert fewer.is_watertight
    assert len(fewer.faces) > 200


def test_mesh_within_the_limit_is_left_as_it_is() -> None:
    full = surface(ball_and_fragment())
    assert decimated(full, len(full.faces)) is full


def test_limit_below_a_tetrahedron_is_refused() -> None:
    with pytest.raises(ConfigError, match="limit of 3"):
        surface(ball_and_fragment(), max_triangles=3)
