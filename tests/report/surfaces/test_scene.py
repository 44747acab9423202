import subprocess
import sys

import numpy as np
import pytest

from afunet.geometry import Mesh
from afunet.report import drawing
from afunet.report.drawing import NOT_TO_SCALE
from afunet.report.surfaces import scene, vtk_renderer
from afunet.report.surfaces.layout import Layout
from afunet.report.surfaces.scene import VIEWS, ColouredMesh, Renderer, render_scene
from afunet.report.surfaces.software_renderer import render_with_numpy
from afunet.report.surfaces.view import ANTERIOR, Frame, orientation_letters
from afunet.report.surfaces.vtk_renderer import render_with_vtk

FAR_OFF_MM = np.array([-40.0, 90.0, -1383.0])
EMPTY = Mesh(np.zeros((0, 3)), np.zeros((0, 3), dtype=np.int64))
CORNERS = np.array([[x, y, z] for z in (0, 1) for y in (0, 1) for x in (0, 1)], dtype=float)
SIDES = np.array(
    [[0, 2, 3, 1], [4, 5, 7, 6], [0, 1, 5, 4], [2, 6, 7, 3], [0, 4, 6, 2], [1, 3, 7, 5]]
)


def box(size_mm: tuple[float, float, float], start_mm: tuple[float, float, float]) -> Mesh:
    faces = np.concatenate([SIDES[:, [0, 1, 2]], SIDES[:, [0, 2, 3]]])
    return Mesh(CORNERS * size_mm + start_mm + FAR_OFF_MM, faces)


def frame(mm_per_pixel: float = 0.5) -> Frame:
    return Frame(FAR_OFF_MM[0] + 10, FAR_OFF_MM[2] + 20, mm_per_pixel, 80, 100)


@pytest.fixture
def without_opengl(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(vtk_renderer, "_CHILD", "afunet.no_such_module")


def test_box_fills_the_pixels_that_its_millimetres_ask_for() -> None:
    picture = render_with_numpy([ColouredMesh(box((20, 5, 40), (0, 0, 0)))], ANTERIOR, frame())
    rows, columns = np.nonzero(picture[..., 3])
    # 20 × 40 mm at 0.5 mm a pixel are 40 × 80 pixels, in the middle of 80 × 100.
    assert (columns.min(), rows.min()) == (20, 10)
    assert columns.max() in (59, 60)
    assert rows.max() in (89, 90)
    assert (picture[11:89, 21:59, 3] == 255).all()


def test_nearer_surface_hides_the_farther_one_whatever_their_order() -> None:
    # Anterior is -y: the red box lies in front of the blue one.
    red = ColouredMesh(box((20, 5, 40), (0, -20, 0)), "red", (255, 0, 0))
    blue = ColouredMesh(box((20, 5, 40), (0, 20, 0)), "blue", (0, 0, 255))
    for meshes in ([red, blue], [blue, red]):
        middle = render_with_numpy(meshes, ANTERIOR, frame())[50, 40]
        assert middle[0] > 100
        assert middle[2] == 0


def test_vtk_and_numpy_draw_the_same_shape_in_nearly_the_same_light() -> None:
    meshes = [ColouredMesh(box((20, 5, 40), (0, 0, 0))), ColouredMesh(box((4, 9, 4), (2, 9, 2)))]
    frames = [Frame(*view.project(FAR_OFF_MM[None])[0, :2] + 10, 0.7, 80, 100) for view in VIEWS]
    by_vtk = render_with_vtk(meshes, VIEWS, frames)
    if by_vtk is None:
        pytest.skip("VTK finds no OpenGL on this computer")
    for view, place, picture in zip(VIEWS, frames, by_vtk, strict=True):
        by_numpy = render_with_numpy(meshes, view, place)
        assert ((picture[..., 3] > 127) != (by_numpy[..., 3] > 127)).mean() < 0.03
        both = (picture[..., 3] == 255) & (by_numpy[..., 3] == 255)
        apart = np.abs(picture[both][:, :3].astype(float) - by_numpy[both][:, :3])
        assert np.median(apart) < 30


def test_scene_without_opengl_is_drawn_all_the_same(without_opengl: None) -> None:
    scene = render_scene([ColouredMesh(box((20, 5, 40), (0, 0, 0)))], size=(300, 200))
    assert scene.renderer is Renderer.SOFTWARE
    assert scene.image.size == (300, 200)
    assert np.asarray(scene.image)[80:120].std() > 5


def test_renderer_that_crashes_takes_only_its_own_process_with_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def crash(*_: object, **__: object) -> subprocess.CompletedProcess[bytes]:
        return subprocess.CompletedProcess([sys.executable], returncode=-11)

    monkeypatch.setattr(vtk_renderer.subprocess, "run", crash)
    meshes = [ColouredMesh(box((20, 5, 40), (0, 0, 0)))]
    assert render_with_vtk(meshes, [ANTERIOR], [frame()]) is None


@pytest.mark.parametrize("meshes", [[], [ColouredMesh(EMPTY)]])
def test_scene_of_nothing_says_so_without_a_renderer(meshes: list[ColouredMesh]) -> None:
    scene = render_scene(meshes, size=(300, 200))
    assert scene.renderer is Renderer.NONE
    assert scene.image.size == (300, 66)
    words = np.asarray(scene.image)[13:53, 50:250]
    assert words.min() < 150


@pytest.fixture
def written(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """All words on the pictures, in the order in which they are written."""
    words: list[str] = []

    def write(*given: object, **how: object) -> None:
        words.append(str(given[2]))

    for module in (drawing, scene):
        monkeypatch.setattr(module, "write", write)
    return words


def test_what_is_known_is_written(written: list[str], without_opengl: None) -> None:
    render_scene([ColouredMesh(box((20, 5, 40), (0, 0, 0)))], size=(600, 400))
    assert {"R", "L", "S", "I", VIEWS[0].name, VIEWS[-1].name} <= set(written)
    assert [word for word in written if word.endswith("m")] == ["2 mm"] * len(VIEWS)
    assert NOT_TO_SCALE not in written


def test_without_a_spacing_every_view_says_so_and_has_no_bar(
    written: list[str], without_opengl: None
) -> None:
    meshes = [ColouredMesh(box((20, 5, 40), (0, 0, 0)))]
    render_scene(meshes, size=(600, 400), spacing_known=False)
    assert written.count(NOT_TO_SCALE) == len(VIEWS)
    assert not [word for word in written if word.endswith("m")]


def test_without_an_orientation_no_side_is_named(written: list[str], without_opengl: None) -> None:
    meshes = [ColouredMesh(box((20, 5, 40), (0, 0, 0)))]
    render_scene(meshes, size=(600, 400), orientation_known=False)
    assert not {"R", "L", "A", "P", "S", "I", *(view.name for view in VIEWS)} & set(written)


def test_views_are_those_of_a_surgeon_with_the_patients_sides_where_they_lie() -> None:
    anterior, _, posterior, _ = (orientation_letters(view.right) for view in VIEWS)
    assert (anterior, posterior) == ("L", "R")


@pytest.mark.parametrize(
    ("size_mm", "rows"), [((130, 120, 120), 2), ((300, 100, 900), 1), ((900, 100, 300), 2)]
)
def test_panels_stand_in_the_rows_that_show_most(
    size_mm: tuple[float, float, float], rows: int
) -> None:
    points = box(size_mm, (0, 0, 0)).vertices_mm
    layout = Layout(1280, 1040).fitted(VIEWS, points)
    panels = layout.panels(VIEWS, points)
    assert len({panel.top for panel in panels}) == layout.rows == rows
    for panel in panels:
        assert panel.bottom + layout.strip <= layout.height <= 1040
        assert panel.left + panel.frame.width <= 1280
        assert panel.span_pixels[1] < panel.frame.height


def test_all_panels_share_one_scale_and_fit_side_by_side() -> None:
    points = box((300, 60, 150), (0, 0, 0)).vertices_mm
    panels = Layout(1200, 900).panels(VIEWS, points)
    assert len({panel.frame.mm_per_pixel for panel in panels}) == 1
    ends = [panel.left + panel.frame.width for panel in panels]
    assert ends[:-1] == [panel.left for panel in panels[1:]]
    assert ends[-1] <= 1200
    front = panels[0]
    assert front.span_pixels[0] * front.frame.mm_per_pixel == pytest.approx(300)
    assert front.span_pixels[0] < front.frame.width
