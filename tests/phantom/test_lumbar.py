import numpy as np
from vtkmodules.vtkFiltersSources import vtkCubeSource

from afunet.formats.polydata import from_polydata
from afunet.phantom.skeleton.lumbar import VERTEBRA_BOX_MM, base_of_spine, vertebra


def test_a_vertebra_has_a_body_a_canal_and_processes() -> None:
    inside = [(0, 0, 0), (18, 0, 10), (0, 47, -8), (35, 27, 3), (-35, 27, 3), (17, 34, 0)]
    outside = [(0, 24, 0), (0, 0, 16), (28, 0, 0), (0, 47, 12), (35, 45, 3), (0, -20, 0)]
    assert (vertebra(np.array(inside, dtype=float)) < 0).all()
    assert (vertebra(np.array(outside, dtype=float)) > 0).all()


def test_a_vertebra_fits_into_its_box() -> None:
    low, high = np.array(VERTEBRA_BOX_MM)
    points = np.random.default_rng(0).uniform(low - 15, high + 15, (20000, 3))
    outside = ((points < low) | (points > high)).any(axis=1)
    assert outside.sum() > 1000
    assert (vertebra(points[outside]) > 0).all()


def test_the_spine_stands_on_the_top_of_the_sacrum() -> None:
    block = vtkCubeSource()
    block.SetBounds(-10, 10, 20, 40, 0, 100)
    block.Update()
    mesh = from_polydata(block.GetOutput())
    assert np.allclose(base_of_spine(mesh), (0, 30, 100))
