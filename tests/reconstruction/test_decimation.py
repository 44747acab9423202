import numpy as np
import pytest
from tests.refusals import refused

from afunet.errors import ConfigError
from afunet.geometry import Mesh, Volume
from afunet.reconstruction import decimation, surface
from afunet.reconstruction.decimation import decimated
from afunet.reconstruction.deviation import deviation


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


@pytest.mark.parametrize("error_mm", [0.1, 0.3])
def test_simplifying_to_an_error_stays_within_it_and_loses_nothing(error_mm: float) -> None:
    full = surface(ball_and_fragment())
    fewer = decimated(full, max_error_mm=error_mm)
    assert len(fewer.faces) < 0.6 * len(full.faces)
    assert deviation(fewer, full).largest_mm <= error_mm
    assert fewer.is_watertight
    assert parts(fewer) == 2


def test_a_larger_error_needs_fewer_triangles() -> None:
    full = surface(ball_and_fragment())
    counts = [len(decimated(full, max_error_mm=error).faces) for error in (0.02, 0.1, 0.3)]
    assert counts == sorted(counts, reverse=True)
    assert len(set(counts)) == 3


def test_an_error_that_nothing_can_keep_leaves_the_mesh() -> None:
    full = surface(ball_and_fragment())
    assert decimated(full, max_error_mm=1e-9) is full


def test_a_limit_of_triangles_goes_before_the_error() -> None:
    full = surface(ball_and_fragment())
    assert len(decimated(full, 600, max_error_mm=0.02).faces) <= 600


def test_a_mesh_that_shares_an_edge_four_times_is_thrown_away(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    full = surface(ball_and_fragment())
    faces = np.concatenate([full.faces, full.faces[:1], full.faces[:1, ::-1]])
    folded = Mesh(full.vertices_mm, faces)
    assert folded.nonmanifold_edges
    assert folded.open_edges == 0
    monkeypatch.setattr(decimation, "_collapsed", lambda *_: folded)
    assert decimated(full, 100) is full
    assert decimated(full, max_error_mm=0.1) is full


def test_an_error_of_nothing_is_refused() -> None:
    with refused(ConfigError, "CONFIG_ERROR", 0):
        surface(ball_and_fragment(), max_error_mm=0)


def test_mesh_within_the_limit_is_left_as_it_is() -> None:
    full = surface(ball_and_fragment())
    assert decimated(full, len(full.faces)) is full


def test_limit_below_a_tetrahedron_is_refused() -> None:
    with refused(ConfigError, "CONFIG_ERROR", 3):
        surface(ball_and_fragment(), max_triangles=3)
