import io

import numpy as np
import pytest
from PIL import Image

from afunet.report.case.flag_picture import HEIGHT, WIDTH, flag_picture

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
    for row_mm in (0.5, 1.0):
        picture = opened(flag_picture(hu, bone, None, (row_mm, 0.5)))
        assert picture.size == (WIDTH, HEIGHT)
        assert marks(picture) == 0
        red, _, blue = np.moveaxis(np.asarray(picture).astype(int), -1, 0)
        rows, columns = np.nonzero(red - blue > 60)
        assert np.ptp(rows) / np.ptp(columns) == pytest.approx(40 * row_mm / (60 * 0.5), rel=0.05)


def test_a_small_place_in_a_large_bone_is_shown_larger_than_the_whole_would_be() -> None:
    hu, bone = plane()
    bone[20:180, 20:280] = True
    place = (90, 100, 98, 108)
    near = opened(flag_picture(hu, bone, place, (0.5, 0.5)))
    assert marks(near) > 40
    # 8 of 260 pixels, then of 0.6 × 260.
    columns = np.nonzero((np.abs(np.asarray(near).astype(int) - MARK).max(axis=-1) < 12).any(0))[0]
    assert np.ptp(columns) > 1.5 * 8 * WIDTH / 260


def test_a_place_far_from_the_bone_is_shown_with_the_bone() -> None:
    hu, bone = plane()
    bone[6:8, 282:288] = True  # what was taken for bone there is not where one finds one's way
    far = opened(flag_picture(hu, bone, (5, 280, 9, 290), (0.5, 0.5)))
    red, _, blue = np.moveaxis(np.asarray(far).astype(int), -1, 0)
    assert (red - blue > 60)[:, : far.width // 2].sum() > 100
    assert marks(far) > 20


def test_no_more_than_the_slice_is_shown() -> None:
    hu, bone = plane()
    narrow = opened(flag_picture(hu[:, 98:162], bone[:, 98:162], None, (0.5, 0.5)))
    assert narrow.size[0] < WIDTH
    assert narrow.size[1] == HEIGHT


def test_it_marks_the_place_even_away_from_the_bone() -> None:
    hu, bone = plane()
    for box in ((90, 110, 100, 130), (5, 5, 9, 9), (0, 290, 200, 300)):
        assert marks(opened(flag_picture(hu, bone, box, (0.5, 0.5)))) > 20


def test_a_slice_without_bone_is_shown_whole() -> None:
    hu, bone = plane()
    assert opened(flag_picture(hu, bone & False, None, (1.0, 1.0))).size == (300, 200)


def test_a_line_is_marked_point_by_point_instead_of_its_box() -> None:
    hu, bone = plane()
    line = np.array([(100.0, column) for column in range(110, 150)])
    picture = opened(flag_picture(hu, bone, (100, 110, 101, 150), (0.5, 0.5), line))
    rows, columns = np.nonzero(np.abs(np.asarray(picture).astype(int) - MARK).max(axis=-1) < 12)
    assert np.ptp(rows) == 1
    assert len(columns) >= 2 * 40
    assert np.ptp(columns) > 2 * 39
