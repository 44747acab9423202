"""Names of planes."""

import numpy as np
import pytest

from afunet.formats.plane import plane_name


@pytest.mark.parametrize(
    ("normal", "name"),
    [((0, 0, 3), "axial"), ((0, 0, -1), "axial"), ((0, -2, 0), "coronal"), ((1, 0, 0), "sagittal")],
)
def test_a_stack_along_a_body_axis_has_its_name(normal, name):
    assert plane_name(normal) == name


@pytest.mark.parametrize(("degrees", "name"), [(9, "axial"), (11, "oblique")])
def test_ten_degrees_are_the_limit(degrees, name):
    angle = np.radians(degrees)
    assert plane_name((np.sin(angle), 0, np.cos(angle))) == name
