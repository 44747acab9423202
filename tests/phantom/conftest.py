from pathlib import Path

import pytest
from vtkmodules.vtkFiltersSources import vtkSphereSource
from vtkmodules.vtkIOGeometry import vtkSTLWriter

RADIUS_MM = 20.0
CENTRE_MM = (7.0, -5.0, 11.0)


@pytest.fixture
def sphere_folder(tmp_path: Path) -> Path:
    """A folder with one fine sphere as the bone "ball left"."""
    ball = vtkSphereSource()
    ball.SetRadius(RADIUS_MM)
    ball.SetCenter(*CENTRE_MM)
    ball.SetThetaResolution(160)
    ball.SetPhiResolution(80)
    writer = vtkSTLWriter()
    writer.SetFileTypeToBinary()
    writer.SetFileName(str(tmp_path / "ball left.stl"))
    writer.SetInputConnection(ball.GetOutputPort())
    writer.Write()
    return tmp_path
