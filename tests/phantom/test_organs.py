from dataclasses import replace

import numpy as np
import pytest

from afunet.phantom.config import Organs
from afunet.phantom.shapes.noise import Textures
from afunet.phantom.tissue.organ_places import draw_contents
from afunet.phantom.tissue.organs import Blob
from afunet.phantom.tissue.trunk import Trunk

BALL = Blob(np.zeros(3), np.eye(3), np.full(3, 10.0), hu=400.0, wall_hu=50.0, wall_mm=2.0)
TRUNK = Trunk(150.0, 100.0, 0.0, 0.0, 15.0, 0.0)


def hu_at(blob: Blob, *points: tuple[float, float, float]) -> list[float]:
    hu = np.full(len(points), -100, dtype=np.float32)
    blob.paint(hu, np.array(points, dtype=np.float32), np.zeros(len(points), dtype=np.float32))
    return hu.tolist()


def test_a_loop_has_contents_in_a_wall() -> None:
    assert hu_at(BALL, (0, 0, 0), (0, 7, 0), (0, 0, 9), (11, 0, 0)) == [400, 400, 50, -100]


def test_gas_gathers_in_front_and_what_is_heavy_behind() -> None:
    assert hu_at(replace(BALL, gas_behind_mm=-3.0), (0, -6, 0), (0, 0, 0)) == [-930, 400]
    layered = replace(BALL, hu=8.0, heavy_behind_mm=0.0, heavy_hu=900.0)
    assert hu_at(layered, (0, -5, 0), (0, 5, 0)) == [8, 900]


def test_the_share_of_opaque_bowel_is_what_was_asked_for() -> None:
    shares = []
    for wanted in (0.0, 0.5, 1.0):
        organs = Organs(bowel_hu=400, opacified=wanted)
        rng = np.random.default_rng(3)
        contents = draw_contents(organs, (130, 85), 0.0, 200.0, 1.0, -100.0, rng)
        loops = [blob for blob in contents.blobs if blob.hu > 150]
        shares.append(len(loops) / len(contents.blobs))
    assert shares[0] == 0
    assert shares[1] == pytest.approx(0.45, abs=0.12)
    assert shares[2] > 0.8


def test_contrast_stays_in_the_cavity_and_shows_there() -> None:
    organs = Organs(bowel_hu=500, opacified=1.0, urine_hu=900.0, gas=0.0)
    contents = draw_contents(organs, (135, 85), 0.0, 200.0, 1.0, -100.0, np.random.default_rng(4))
    trunk = replace(TRUNK, contents=contents)
    x, y = np.meshgrid(np.arange(-149.0, 150, 3), np.arange(-99.0, 100, 3))
    points = np.stack([x, y, np.full(x.shape, 240.0)], axis=-1).reshape(-1, 3).astype(np.float32)
    frame = trunk.frame(points)
    muscle = np.full(len(points), 57, dtype=np.float32)
    hu = trunk.with_organs(muscle, points, frame, Textures.draw(0))
    assert (hu[frame.muscle_mm > -15] == 57).all()
    assert (hu > 200).sum() > 200
