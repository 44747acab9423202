"""Areas, volumes and closedness of boxes whose answers are known."""

import numpy as np
import pytest
from tests.refusals import refused

from afunet.errors import GeometryError
from afunet.geometry import Mesh

NO_FACES = np.zeros((0, 3), dtype=np.int64)


def box(width: float = 1, depth: float = 1, height: float = 1) -> Mesh:
    """A box with one corner at the origin; vertex number = x + 2 y + 4 z."""
    corners = [[x * width, y * depth, z * height] for z in (0, 1) for y in (0, 1) for x in (0, 1)]
    sides = [  # counter-clockwise seen from outside
        (0, 2, 3, 1),
        (4, 5, 7, 6),
        (0, 1, 5, 4),
        (2, 6, 7, 3),
        (0, 4, 6, 2),
        (1, 3, 7, 5),
    ]
    faces = [triangle for a, b, c, d in sides for triangle in ((a, b, c), (a, c, d))]
    return Mesh(np.array(corners, dtype=float), np.array(faces))


def every_face_looks_outward(mesh: Mesh) -> bool:
    """Of a convex mesh: no normal points towards its middle."""
    a, b, c = np.moveaxis(mesh.triangles_mm, 1, 0)
    outward = (a + b + c) / 3 - mesh.vertices_mm.mean(axis=0)
    return bool(((np.cross(b - a, c - a) * outward).sum(axis=1) > 0).all())


def test_a_box_of_two_by_three_by_four_mm_has_24_mm3_and_52_mm2() -> None:
    assert box(2, 3, 4).volume_mm3 == pytest.approx(24)
    assert box(2, 3, 4).area_mm2 == pytest.approx(2 * (6 + 8 + 12))


def test_volume_does_not_depend_on_where_the_box_stands() -> None:
    far = np.eye(4)
    far[:3, 3] = (1000, -2000, 500)
    assert box(2, 3, 4).transformed(far).volume_mm3 == pytest.approx(24)


def test_a_box_is_watertight_and_without_one_triangle_has_three_open_edges() -> None:
    whole = box()
    assert whole.open_edges == 0
    assert whole.is_watertight
    torn = Mesh(whole.vertices_mm, whole.faces[1:])
    assert torn.open_edges == 3
    assert not torn.is_watertight


def test_a_triangle_turned_inside_out_makes_the_box_leak() -> None:
    faces = box().faces.copy()
    faces[0] = faces[0, ::-1]
    # Its three edges now run the same way as the neighbours': six edges without a partner.
    assert Mesh(box().vertices_mm, faces).open_edges == 6


def test_boxes_that_share_an_edge_are_closed_and_not_manifold() -> None:
    one = box()
    beside = one.vertices_mm + np.array(
        [1, 1, 0]
    )  # its edge at x = y = 0 is the first box's at x = y = 1
    names = np.arange(8) + 8
    names[[0, 4]] = [3, 7]
    two = Mesh(np.vstack([one.vertices_mm, beside]), np.vstack([one.faces, names[one.faces]]))
    assert (two.open_edges, two.nonmanifold_edges) == (0, 1)
    assert not two.is_watertight
    assert one.nonmanifold_edges == 0


@pytest.mark.parametrize("mirrored_axis", [0, 1, 2])
def test_outside_stays_outside_in_a_mirror(mirrored_axis: int) -> None:
    mirror = np.eye(4)
    mirror[mirrored_axis, mirrored_axis] = -2
    mirrored = box(2, 3, 4).transformed(mirror)
    assert mirrored.volume_mm3 == pytest.approx(48)  # positive: the faces still look outward
    assert every_face_looks_outward(mirrored)
    assert mirrored.is_watertight


def test_turning_and_shifting_moves_vertices_and_keeps_the_faces() -> None:
    quarter = np.array([[0, -1, 0, 5], [1, 0, 0, 6], [0, 0, 1, 7], [0, 0, 0, 1]])
    turned = box(2, 3, 4).transformed(quarter)
    assert turned.vertices_mm[1].tolist() == [5, 8, 7]  # (2, 0, 0) turned to (0, 2, 0)
    assert turned.faces.tolist() == box().faces.tolist()


def test_bounds_are_those_of_the_triangles_not_of_loose_vertices() -> None:
    whole = box(2, 3, 4)
    loose = Mesh(np.vstack([whole.vertices_mm, [[99, 99, 99]]]), whole.faces)
    low, high = loose.bounds_mm()
    assert low.tolist() == [0, 0, 0]
    assert high.tolist() == [2, 3, 4]


def test_an_empty_mesh_is_allowed_and_encloses_nothing() -> None:
    empty = Mesh(np.zeros((0, 3)), NO_FACES)
    assert empty.is_empty
    assert empty.volume_mm3 == 0
    assert empty.area_mm2 == 0
    assert empty.open_edges == empty.nonmanifold_edges == 0
    assert not empty.is_watertight
    assert empty.transformed(-np.eye(4)).is_empty
    with refused(GeometryError, "MESH_EMPTY"):
        empty.bounds_mm()


def test_a_face_that_names_a_missing_vertex_is_refused() -> None:
    with refused(GeometryError, "MESH_BROKEN", 3):
        Mesh(np.eye(3), np.array([[0, 1, 3]]))
    with refused(GeometryError, "MESH_BROKEN"):
        Mesh(np.eye(3), np.array([[0, 1, -1]]))


def test_a_vertex_that_is_not_finite_is_refused() -> None:
    with refused(GeometryError, "NOT_FINITE"):
        Mesh(np.array([[0, 0, np.inf]]), NO_FACES)


@pytest.mark.parametrize("faces", [np.zeros((3, 4), dtype=int), np.zeros((2, 4), dtype=int)])
def test_four_corners_a_face_are_refused(faces: np.ndarray) -> None:
    with pytest.raises(GeometryError):
        Mesh(np.zeros((4, 3)), faces)
