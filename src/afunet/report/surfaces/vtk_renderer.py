"""Surfaces drawn by VTK in a child process.

Without a usable OpenGL, VTK may crash its process, and it writes to stderr. If the child process
crashes, the run goes on.
"""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
from numpy.typing import NDArray

from afunet.report.surfaces.coloured_mesh import ColouredMesh
from afunet.report.surfaces.view import Frame, View

_CHILD = "afunet.report.surfaces.vtk_child"
_TIMEOUT_S = 180


def render_with_vtk(
    meshes: Sequence[ColouredMesh], views: Sequence[View], frames: Sequence[Frame]
) -> list[NDArray[np.uint8]] | None:
    """Return red, green, blue, alpha (height, width, 4) of each view; None if VTK cannot draw."""
    with TemporaryDirectory(prefix="afunet-scene-") as folder:
        scene, pictures = Path(folder, "scene.npz"), Path(folder, "pictures.npz")
        np.savez(scene, allow_pickle=False, **_packed(meshes, views, frames))
        if not _ran(scene, pictures):
            return None
        with np.load(pictures, allow_pickle=False) as drawn:
            images = [drawn[f"{i}"] for i in range(len(views))]
    return images if all(image[..., 3].any() for image in images) else None


def _ran(scene: Path, pictures: Path) -> bool:
    # Without DISPLAY, VTK goes straight to the off-screen EGL or OSMesa.
    surroundings = {name: value for name, value in os.environ.items() if name != "DISPLAY"}
    # -P: files in the working folder must not shadow modules.
    command = [sys.executable, "-P", "-m", _CHILD, str(scene), str(pictures)]
    try:
        child = subprocess.run(
            command,
            env=surroundings,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            timeout=_TIMEOUT_S,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired):
        return False
    return child.returncode == 0 and pictures.exists()


def _packed(
    meshes: Sequence[ColouredMesh], views: Sequence[View], frames: Sequence[Frame]
) -> dict[str, NDArray[Any]]:
    packed: dict[str, NDArray[Any]] = {"counts": np.array([len(meshes), len(views)])}
    for i, coloured in enumerate(meshes):
        packed[f"vertices{i}"] = coloured.mesh.vertices_mm
        packed[f"faces{i}"] = coloured.mesh.faces
        packed[f"colour{i}"] = np.array(coloured.colour)
    for i, (view, frame) in enumerate(zip(views, frames, strict=True)):
        packed[f"view{i}"] = np.stack([view.right, view.up])
        packed[f"frame{i}"] = np.array(
            [frame.centre_right_mm, frame.centre_up_mm, frame.mm_per_pixel]
        )
        packed[f"size{i}"] = np.array([frame.width, frame.height])
    return packed
