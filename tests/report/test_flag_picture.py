import io

import numpy as np
from PIL import Image

from afunet.report.flag_picture import WIDTH, flag_picture

MARK = (86, 215, 255)


def opened(png: bytes) -> Image.Image:
    return Image.open(io.BytesIO(png)).convert("RGB")


def plane() -> tuple[np.ndarray, np.ndarray]:
    hu = np.full((200, 300), 50, dtype=np.int16)
    bone = np.zeros(hu.shape, dtype=bool)
    bone[80:120, 100:160] = True
    hu[bone] = 900
    return hu, bone


def marks(picture: Image.Image) -> int:
    return int((np.abs(np.asarray(picture).astype(int) - MARK).max(axis=-1) < 12).sum())


def test_it_shows_the_bone_in_true_proportion() -> None:
    hu, bone = plane()
    square, tall = (opened(flag_picture(hu, bone, None, mm)) for mm in ((0.5, 0.5), (1.0, 0.5)))
    assert max(square.size) == max(tall.size) == WIDTH
    assert square.size[0] > square.size[1]
    assert tall.size[0] < tall.size[1]
    assert marks(square) == 0


def test_it_marks_the_place_even_away_from_the_bone() -> None:
    hu, bone = plane()
    for box in ((90, 110, 100, 130), (5, 5, 9, 9), (0, 290, 200, 300)):
        assert marks(opened(flag_picture(hu, bone, box, (0.5, 0.5)))) > 20


def test_a_slice_without_bone_is_shown_whole() -> None:
    hu, bone = plane()
    assert opened(flag_picture(hu, bone & False, None, (1.0, 1.0))).size == (300, 200)
