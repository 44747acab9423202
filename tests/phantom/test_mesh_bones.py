import os
from pathlib import Path

import numpy as np
import pytest
from tests.refusals import refused

from afunet.errors import InputError
from afunet.phantom import load_bones, load_limb

from .conftest import CENTRE_MM, RADIUS_MM

DATA = Path(os.environ.get("AFUNET_DATA", Path(__file__).parents[3] / "shared" / "data"))
LIMB = DATA / "shapes-llp26" / "sample00.npz"


def test_a_mesh_is_named_by_its_file_and_stays_where_it_is(sphere_folder: Path) -> None:
    bones = load_bones(sphere_folder)
    assert list(bones) == ["ball left"]
    low, high = bones["ball left"].bounds_mm()
    assert np.allclose((low + high) / 2, CENTRE_MM, atol=0.01)
    assert bones["ball left"].volume_mm3 == pytest.approx(4 / 3 * np.pi * RADIUS_MM**3, rel=5e-3)


def test_a_mesh_with_a_hole_is_refused_by_name(tmp_path: Path) -> None:
    (tmp_path / "sheet.obj").write_text("v 0 0 0\nv 1 0 0\nv 0 1 0\nf 1 2 3\n")
    with refused(InputError, "NOT_WATERTIGHT", "sheet.obj", 3):
        load_bones(tmp_path)


def test_an_inside_out_mesh_is_turned(tmp_path: Path) -> None:
    corners = "v 0 0 0\nv 10 0 0\nv 0 10 0\nv 0 0 10\n"
    (tmp_path / "tetra.obj").write_text(corners + "f 1 2 3\nf 1 4 2\nf 1 3 4\nf 2 4 3\n")
    assert load_bones(tmp_path)["tetra"].volume_mm3 == pytest.approx(1000 / 6)


@pytest.mark.parametrize(("length", "factor"), [(0.4, 1000), (4, 10), (400_000, 0.001)])
def test_bones_of_a_size_that_none_has_are_refused_with_their_unit(
    tmp_path: Path, length: float, factor: float
) -> None:
    corners = f"v 0 0 0\nv {length} 0 0\nv 0 {length} 0\nv 0 0 {length}\n"
    faces = "f 1 3 2\nf 1 2 4\nf 1 4 3\nf 2 3 4\n"
    (tmp_path / "femur.obj").write_text(corners + faces)
    with refused(InputError, "MESH_UNIT", "femur", f" {factor}"):
        load_bones(tmp_path)


@pytest.mark.parametrize(
    ("content", "code"),
    [(b"", "MESH_BROKEN"), (b"solid nothing\nendsolid nothing\n", "MESH_EMPTY")],
)
def test_a_file_without_triangles_is_refused(tmp_path: Path, content: bytes, code: str) -> None:
    (tmp_path / "empty.stl").write_bytes(content)
    with refused(InputError, code, "empty.stl"):
        load_bones(tmp_path)


def test_an_empty_or_missing_folder_is_refused(tmp_path: Path) -> None:
    with refused(InputError, "NO_MESHES"):
        load_bones(tmp_path)
    with refused(InputError, "NO_SUCH_PATH"):
        load_bones(tmp_path / "none")


def test_another_npz_is_no_limb(tmp_path: Path) -> None:
    np.savez(tmp_path / "other.npz", a=np.zeros(3))
    with refused(InputError, "NOT_A_LIMB"):
        load_limb(tmp_path / "other.npz", "left")


@pytest.mark.skipif(not LIMB.is_file(), reason=f"no LLP26 shapes at {LIMB}: set AFUNET_DATA")
def test_a_limb_stands_in_the_patients_frame_and_the_right_one_mirrors_it() -> None:
    left, right = load_limb(LIMB, "left"), load_limb(LIMB, "right")
    middle = {name: np.mean(mesh.bounds_mm(), axis=0) for name, mesh in (left | right).items()}
    assert middle["femur left"][0] > middle["pelvis"][0] > middle["femur right"][0]
    assert middle["patella left"][1] < middle["femur left"][1] < middle["fibula left"][1]
    assert middle["fibula left"][0] > middle["tibia left"][0]
    assert middle["pelvis"][2] > middle["femur left"][2] > middle["tibia left"][2]
    for kind in ("femur", "patella", "tibia", "fibula"):
        volumes = [
            bones[f"{kind} {side}"].volume_mm3 for bones, side in [(left, "left"), (right, "right")]
        ]
        assert volumes[0] == pytest.approx(volumes[1], rel=1e-6)
        assert volumes[0] > 0
