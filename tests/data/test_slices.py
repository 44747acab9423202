"""From PNG files to slices with their masks and neighbours."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from tests.refusals import refused

from afunet.data.cases import PngSlice
from afunet.data.slices import load_slices, neighbour_levels
from afunet.errors import InputError


def record_of(folder: Path, case: str = "knee", level: int = 0) -> PngSlice:
    stem = folder / f"{case}-{level}"
    image, mask = stem.with_suffix(".png"), stem.with_suffix(".mask.png")
    return PngSlice(case, "p", level, "train", "auto", image=image, mask=mask)


def written(
    folder: Path,
    case: str = "knee",
    level: int = 0,
    grey: int = 100,
    size: tuple[int, int] = (6, 4),
) -> PngSlice:
    """A slice of one grey, its first row bone; `size` is (width, height)."""
    record = record_of(folder, case, level)
    Image.new("L", size, grey).save(record.image)
    mask = np.zeros(size[::-1], dtype=np.uint8)
    mask[0] = 1
    Image.fromarray(mask).save(record.mask)
    return record


def refuses(record: PngSlice, code: str, *facts: object) -> None:
    """The case and the level, 0, are named whatever the reason."""
    with refused(InputError, code, "knee", 0, *facts):
        load_slices([record])


def test_a_slice_is_read_with_its_mask_and_record(tmp_path: Path) -> None:
    record = written(tmp_path, grey=77)
    (item,) = load_slices([record])
    assert item.grey.shape == (1, 4, 6)
    assert np.unique(item.grey).tolist() == [77]
    assert item.mask.dtype == np.uint8
    assert item.mask.tolist() == [[1] * 6] + [[0] * 6] * 3
    assert item.record is record


def test_three_slices_are_stacked_and_the_ends_repeated(tmp_path: Path) -> None:
    records = [written(tmp_path, level=level, grey=10 * level) for level in (1, 2, 3)]
    stacks = [item.grey[:, 0, 0].tolist() for item in load_slices(records, 3)]
    assert stacks == [[10, 10, 20], [10, 20, 30], [20, 30, 30]]


def test_five_slices_reach_two_levels_and_missing_levels_are_the_nearest(tmp_path: Path) -> None:
    records = [written(tmp_path, level=level, grey=10 * level) for level in (0, 1, 4)]
    stacks = [item.grey[:, 0, 0].tolist() for item in load_slices(records, 5)]
    # Level 2 is nearest to 1, level 3 to 4; beyond the ends the end itself.
    assert stacks == [[0, 0, 0, 10, 10], [0, 0, 10, 10, 40], [10, 40, 40, 40, 40]]


def test_neighbours_never_come_from_another_case(tmp_path: Path) -> None:
    records = [written(tmp_path, "a", 0, 10), written(tmp_path, "b", 1, 20)]
    stacks = [item.grey[:, 0, 0].tolist() for item in load_slices(records, 3)]
    assert stacks == [[10, 10, 10], [20, 20, 20]]


def test_a_black_and_white_mask_is_read_as_0_and_1(tmp_path: Path) -> None:
    record = written(tmp_path)
    Image.fromarray(np.eye(4, 6, dtype=bool)).save(record.mask)
    assert load_slices([record])[0].mask.tolist() == np.eye(4, 6).tolist()


def test_a_mask_of_0_and_255_is_read_as_0_and_1(tmp_path: Path) -> None:
    record = written(tmp_path)
    Image.fromarray(np.eye(4, 6, dtype=np.uint8) * 255).save(record.mask)
    assert load_slices([record])[0].mask.tolist() == np.eye(4, 6).tolist()


def test_a_mask_of_several_values_is_refused_with_them(tmp_path: Path) -> None:
    record = written(tmp_path)
    Image.fromarray(np.arange(24, dtype=np.uint8).reshape(4, 6) % 4).save(record.mask)
    refuses(record, "NOT_BINARY", "1, 2, 3")


def test_a_coloured_image_is_refused(tmp_path: Path) -> None:
    record = written(tmp_path)
    Image.new("RGB", (6, 4)).save(record.image)
    refuses(record, "NOT_GREY", "RGB")


def test_a_16_bit_image_is_refused(tmp_path: Path) -> None:
    record = written(tmp_path)
    Image.fromarray(np.zeros((4, 6), dtype=np.uint16)).save(record.image)
    refuses(record, "NOT_GREY", "I;16")


def test_a_mask_of_another_size_is_refused(tmp_path: Path) -> None:
    record = written(tmp_path)
    Image.new("L", (6, 5)).save(record.mask)
    refuses(record, "SIZES_DIFFER", (6, 4), (6, 5))


@pytest.mark.parametrize("broken", ["image", "mask"])
def test_a_file_that_is_no_image_is_refused(tmp_path: Path, broken: str) -> None:
    record = written(tmp_path)
    getattr(record, broken).write_bytes(b"not an image")
    refuses(record, "FILE_BROKEN")


@pytest.mark.parametrize("broken", ["image", "mask"])
def test_an_image_that_was_cut_short_is_refused(tmp_path: Path, broken: str) -> None:
    record = written(tmp_path, size=(60, 40))
    path: Path = getattr(record, broken)
    path.write_bytes(path.read_bytes()[:60])
    refuses(record, "FILE_BROKEN")


def test_neighbours_of_another_size_are_refused(tmp_path: Path) -> None:
    first, second = written(tmp_path), written(tmp_path, level=1, size=(7, 4))
    with refused(InputError, "SIZES_DIFFER", "knee"):
        load_slices([first, second], 3)


def test_of_two_levels_as_near_the_lower_stands_in() -> None:
    assert neighbour_levels([0, 2], 0, 3) == [0, 0, 0]
    assert neighbour_levels([0, 2], 2, 5) == [0, 0, 2, 2, 2]
