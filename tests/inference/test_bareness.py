"""A wire in air goes, a chip in flesh stays."""

import numpy as np
import pytest

from afunet.geometry import Volume
from afunet.inference.bareness import bare_pieces

WHOLE = (slice(0, 3), slice(0, 40), slice(0, 40))


def scan_of(around_hu: int, spacing_mm: float = 1.0) -> tuple[np.ndarray, Volume]:
    """A piece of 3 × 4 × 4 voxels in the middle of a uniform surrounding."""
    hu = np.full((3, 40, 40), around_hu, dtype=np.int16)
    hu[:, 18:22, 18:22] = 1500
    pieces = np.zeros(hu.shape, dtype=np.uint16)
    pieces[:, 18:22, 18:22] = 1
    return pieces, Volume(hu, np.diag([spacing_mm, spacing_mm, 1.0, 1.0]))


def verdict(pieces: np.ndarray, scan: Volume) -> list[bool]:
    return bare_pieces(pieces, np.bincount(pieces.ravel()), scan, WHOLE).tolist()


@pytest.mark.parametrize(("around_hu", "bare"), [(-1000, True), (-110, False), (40, False)])
def test_a_small_piece_is_bare_in_air_but_not_in_fat_or_muscle(around_hu: int, bare: bool) -> None:
    assert verdict(*scan_of(around_hu)) == [False, bare]


def test_a_large_piece_is_never_bare() -> None:
    pieces, scan = scan_of(-1000, spacing_mm=7.0)  # 48 voxels of 49 mm³: more than 2000 mm³
    assert verdict(pieces, scan) == [False, False]


def test_a_chip_at_the_skin_has_flesh_on_more_than_half_of_its_sides() -> None:
    pieces, scan = scan_of(40)
    scan.voxels[:, :17] = -1000  # air begins 1 mm above the piece
    assert verdict(pieces, scan) == [False, False]


def test_a_piece_at_the_edge_of_the_scan_and_of_a_box_is_judged_by_what_there_is() -> None:
    hu = np.full((2, 12, 12), -1000, dtype=np.int16)
    hu[:, 8:, 8:] = 900
    pieces = np.ones((2, 4, 4), dtype=np.uint8)
    box = (slice(0, 2), slice(8, 12), slice(8, 12))
    scan = Volume(hu, np.eye(4))
    assert bare_pieces(pieces, np.array([0, 32]), scan, box).tolist() == [False, True]


def test_on_pixels_coarser_than_the_ring_the_neighbours_count() -> None:
    pieces = np.zeros((1, 9, 9), dtype=np.uint8)
    pieces[0, 4, 4] = 1
    hu = np.full((1, 9, 9), -1000, dtype=np.int16)
    scan = Volume(hu, np.diag([6.0, 6.0, 5.0, 1.0]))
    box = (slice(0, 1), slice(0, 9), slice(0, 9))
    assert bare_pieces(pieces, np.array([80, 1]), scan, box).tolist() == [False, True]
    hu[:] = 40
    assert bare_pieces(pieces, np.array([80, 1]), scan, box).tolist() == [False, False]
