import io

import numpy as np
import pytest
from PIL import Image
from tests.refusals import refused

from afunet.errors import ConfigError, GeometryError
from afunet.geometry import Volume
from afunet.report.case.contact_sheet import ContactSheet
from afunet.report.case.montage import overlay_montage, spread_slices

AFFINE = np.diag([1.0, 1.0, 5.0, 1.0])


def leg() -> tuple[Volume, Volume]:
    """A limb of water, a bone on the patient's right of it, and air around; six slices."""
    hu = np.full((6, 60, 80), -1000, dtype=np.int16)
    hu[:, 10:50, 10:70] = 0
    mask = np.zeros(hu.shape, dtype=np.uint8)
    mask[1:5, 20:40, 15:30] = 1
    return Volume(np.where(mask, 1000, hu), AFFINE), Volume(mask, AFFINE)


def coloured(image: Image.Image) -> np.ndarray:
    """Where the picture is not grey, that is where the mask was drawn."""
    red, _, blue = np.moveaxis(np.asarray(image).astype(int), -1, 0)
    return red - blue > 20


def test_slices_are_spread_evenly_from_the_first_to_the_last_with_bone() -> None:
    bone = np.zeros((40, 2, 2), dtype=bool)
    bone[10:30] = True
    assert spread_slices(bone, 4) == [12, 17, 22, 27]
    assert spread_slices(bone[8:12], 4) == [2, 3]


def test_slices_of_an_empty_mask_are_spread_over_the_volume() -> None:
    assert spread_slices(np.zeros((9, 2, 2), dtype=bool), 3) == [1, 4, 7]


def test_bone_on_the_patients_right_is_drawn_at_the_left_of_the_picture() -> None:
    ct, mask = leg()
    columns = np.nonzero(coloured(overlay_montage(ct, mask, tiles=1, width=400)))[1]
    assert len(columns) > 100
    assert columns.mean() < 200


def test_volume_stored_mirrored_gives_the_same_picture() -> None:
    ct, mask = leg()
    mirror = AFFINE @ np.array([[-1, 0, 0, 79], [0, 1, 0, 0], [0, 0, 1, 0], [0, 0, 0, 1.0]])
    other_ct = Volume(ct.voxels[:, :, ::-1], mirror)
    other_mask = Volume(mask.voxels[:, :, ::-1], mirror)
    assert overlay_montage(ct, mask) == overlay_montage(other_ct, other_mask)


def test_table_far_from_the_bone_is_cropped_away() -> None:
    ct, mask = leg()
    with_table = np.concatenate([ct.voxels, np.full((6, 60, 80), -1000, dtype=np.int16)], axis=1)
    with_table[:, 90:110] = 300
    empty_below = np.concatenate([mask.voxels, np.zeros((6, 60, 80), dtype=np.uint8)], axis=1)
    picture = overlay_montage(Volume(with_table, AFFINE), Volume(empty_below, AFFINE))
    assert picture == overlay_montage(ct, mask)


def test_pixels_become_square() -> None:
    ct, mask = leg()
    narrow = np.diag([0.5, 1.0, 5.0, 1.0])
    picture = overlay_montage(
        Volume(ct.voxels, narrow), Volume(mask.voxels, narrow), tiles=1, width=400
    )
    rows, columns = np.nonzero(coloured(picture))
    # The bone is 15 × 0.5 mm wide and 20 × 1 mm high.
    assert np.ptp(rows) / np.ptp(columns) == pytest.approx(20 / 7.5, rel=0.05)


def test_empty_mask_gives_a_picture_without_colour() -> None:
    ct, mask = leg()
    assert not coloured(overlay_montage(ct, mask.with_voxels(mask.voxels * 0))).any()


@pytest.mark.parametrize("option", ["spacing_known", "orientation_known"])
def test_what_is_not_known_is_not_written(option: str) -> None:
    ct, mask = leg()
    known = np.asarray(overlay_montage(ct, mask))
    unknown = np.asarray(overlay_montage(ct, mask, **{option: False}))
    assert (known > 200).sum() > (unknown > 200).sum()


def test_png_carries_no_metadata() -> None:
    stream = io.BytesIO()
    overlay_montage(*leg()).save(stream, "png")
    assert Image.open(stream).info == {}


def test_mask_on_another_grid_is_refused() -> None:
    ct, mask = leg()
    with refused(GeometryError, "OTHER_GRID"):
        overlay_montage(ct, Volume(mask.voxels, np.diag([1.0, 1.0, 4.0, 1.0])))


def test_no_tiles_are_refused() -> None:
    with refused(ConfigError, "CONFIG_ERROR", 0):
        overlay_montage(*leg(), tiles=0)


@pytest.mark.parametrize(("height_per_width", "columns"), [(0.28, 3), (0.82, 4), (2.0, 6)])
def test_sheet_takes_the_largest_tiles_that_keep_it_wider_than_high(
    height_per_width: float, columns: int
) -> None:
    sheet = ContactSheet.fitting(12, 1480, height_per_width)
    assert sheet.columns == columns
    assert sheet.size[1] <= 0.8 * sheet.size[0]
    left, top = sheet.corner(11)
    assert left + sheet.tile[0] <= sheet.size[0]
    assert top + sheet.tile[1] <= sheet.size[1]
