"""The child process in which VTK draws: `python -m … scene.npz pictures.npz`."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from typing import Any

import numpy as np
import vtkmodules.vtkRenderingOpenGL2  # noqa: F401 - registers the OpenGL classes
from numpy.typing import NDArray
from vtkmodules.util.numpy_support import vtk_to_numpy
from vtkmodules.vtkFiltersCore import vtkPolyDataNormals
from vtkmodules.vtkRenderingCore import (
    vtkActor,
    vtkLight,
    vtkPolyDataMapper,
    vtkRenderer,
    vtkRenderWindow,
    vtkWindowToImageFilter,
)

from afunet.formats.vtk_triangles import triangles_for_vtk
from afunet.report.surfaces.shading import AMBIENT, LAMPS
from afunet.report.surfaces.view import Frame, View

Packed = Mapping[str, NDArray[Any]]
_SPECULAR = 0.08
_SPECULAR_POWER = 12


def draw(scene: Packed) -> dict[str, NDArray[np.uint8]]:
    """Return the pictures (height, width, 4) of a packed scene, keyed by the view's number."""
    mesh_count, view_count = (int(number) for number in scene["counts"])
    renderer = vtkRenderer()
    renderer.SetBackgroundAlpha(0)
    for i in range(mesh_count):
        surface = triangles_for_vtk(scene[f"vertices{i}"].astype(np.float32), scene[f"faces{i}"])
        renderer.AddActor(_actor(surface, scene[f"colour{i}"]))
    _light(renderer)
    window = vtkRenderWindow()
    window.SetOffScreenRendering(1)
    window.SetAlphaBitPlanes(1)
    window.SetMultiSamples(0)
    window.AddRenderer(renderer)
    pictures = {}
    for i in range(view_count):
        _aim(renderer, *_view(scene, i))
        window.SetSize(*scene[f"size{i}"].tolist())
        pictures[f"{i}"] = _picture(window)
    return pictures


def _view(scene: Packed, i: int) -> tuple[View, Frame]:
    right, up = scene[f"view{i}"]
    width, height = scene[f"size{i}"].tolist()
    centre_right_mm, centre_up_mm, mm_per_pixel = scene[f"frame{i}"].tolist()
    frame = Frame(centre_right_mm, centre_up_mm, mm_per_pixel, width, height)
    return View("", right, up), frame


def _actor(triangles: Any, colour: NDArray[Any]) -> Any:
    normals = vtkPolyDataNormals()
    normals.SetInputData(triangles)
    normals.SplittingOff()
    normals.ConsistencyOff()
    mapper = vtkPolyDataMapper()
    mapper.SetInputConnection(normals.GetOutputPort())
    actor = vtkActor()
    actor.SetMapper(mapper)
    surface = actor.GetProperty()
    surface.SetColor(*(colour / 255))
    surface.SetAmbient(AMBIENT)
    surface.SetSpecular(_SPECULAR)
    surface.SetSpecularPower(_SPECULAR_POWER)
    return actor


def _light(renderer: Any) -> None:
    renderer.AutomaticLightCreationOff()
    for lamp in LAMPS:
        light = vtkLight()
        light.SetLightTypeToCameraLight()
        light.SetPosition(*lamp.position)
        light.SetFocalPoint(0, 0, 0)
        light.SetIntensity(lamp.intensity)
        renderer.AddLight(light)


def _aim(renderer: Any, view: View, frame: Frame) -> None:
    low, high = np.reshape(renderer.ComputeVisiblePropBounds(), (3, 2)).T
    depth_mm = (low + high) / 2 @ view.toward_viewer
    middle = np.stack([view.right, view.up, view.toward_viewer], axis=1) @ (
        [frame.centre_right_mm, frame.centre_up_mm, depth_mm]
    )
    camera = renderer.GetActiveCamera()
    camera.ParallelProjectionOn()
    camera.SetFocalPoint(*middle)
    # In front of everything: even in parallel projection a camera sees nothing behind itself.
    camera.SetPosition(*(middle + view.toward_viewer * np.linalg.norm(high - low)))
    camera.SetViewUp(*view.up)
    camera.SetParallelScale(frame.height * frame.mm_per_pixel / 2)
    renderer.ResetCameraClippingRange()


def _picture(window: Any) -> NDArray[np.uint8]:
    window.Render()
    grabbed = vtkWindowToImageFilter()
    grabbed.SetInput(window)
    grabbed.SetInputBufferTypeToRGBA()
    grabbed.ReadFrontBufferOff()
    grabbed.Update()
    image = grabbed.GetOutput()
    width, height, _ = image.GetDimensions()
    pixels = vtk_to_numpy(image.GetPointData().GetScalars()).reshape(height, width, 4)
    return np.ascontiguousarray(pixels[::-1])


if __name__ == "__main__":
    with np.load(sys.argv[1], allow_pickle=False) as packed:
        np.savez(sys.argv[2], allow_pickle=False, **draw(packed))
