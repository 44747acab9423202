"""A fracture line inside a mask is found; textures, edges and cavities of bone are not."""

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy import ndimage

from afunet.data.cases import SliceRecord
from afunet.data.dark_lines import dark_lines, ignoring_dark_lines, line_contrast, noise_beside
from afunet.data.slices import LabelledSlice
from afunet.preprocessing import BONE_WINDOW

RECORD = SliceRecord.__new__(SliceRecord)  # who it is does not matter here
SIDE = 120
INSIDE = np.zeros((SIDE, SIDE), dtype=bool)
INSIDE[30:90, 25:95] = True

Plane = NDArray[np.float32]


def bone(hu: float = 400.0, noise_hu: float = 10.0) -> Plane:
    """A block of bone in soft tissue of 50 HU."""
    noise = np.random.default_rng(0).normal(0, noise_hu, (SIDE, SIDE))
    return (np.where(INSIDE, hu, 50) + noise).astype(np.float32)


def lined(depth_hu: float, noise_hu: float = 10.0) -> tuple[Plane, NDArray[np.bool_]]:
    """The block with a line, 3 px wide, from its upper edge 40 px down."""
    line = np.zeros_like(INSIDE)
    line[30:70, 60:63] = True
    return np.where(line, -depth_hu, 0).astype(np.float32) + bone(noise_hu=noise_hu), line


def test_a_line_from_the_outline_is_found_and_nothing_else() -> None:
    hu, line = lined(340)
    found = dark_lines(hu, INSIDE)
    assert (found & line).sum() > 0.8 * line.sum()
    assert not (found & ~ndimage.binary_dilation(line, iterations=1)).any()


@pytest.mark.parametrize("turned", [1, 2, 3])
def test_it_does_not_matter_where_the_line_begins(turned: int) -> None:
    hu, line = lined(340)
    hu, line = np.rot90(hu, turned), np.rot90(line, turned)
    found = dark_lines(hu, np.rot90(INSIDE, turned))
    assert (found & line).sum() > 0.8 * line.sum()


def test_a_line_that_noise_could_be_is_left_alone() -> None:
    assert dark_lines(lined(160, 5)[0], INSIDE).any()
    assert not dark_lines(lined(160, 80)[0], INSIDE).any()


def test_hardly_any_texture_is_a_line() -> None:
    shares = []
    for seed in range(10):
        grains = np.random.default_rng(seed).normal(0, 1, (SIDE, SIDE))
        texture = ndimage.gaussian_filter(grains, 1.5)
        hu = bone(250) + np.float32(120) * INSIDE * (texture / texture.std()).astype(np.float32)
        shares.append(dark_lines(hu, INSIDE).sum() / INSIDE.sum())
    assert np.mean(shares) < 0.005


def test_neither_an_edge_nor_a_wide_cavity_is_a_line() -> None:
    step, wide = bone(), bone()
    step[30:90, 60:95] -= 300
    wide[42:78, 40:80] = 0
    for hu in (step, wide):
        assert not dark_lines(hu, INSIDE).any()


def test_the_marrow_of_a_narrow_bone_is_no_line() -> None:
    hu = np.full((SIDE, SIDE), 50, dtype=np.float32)
    hu[50:60, 20:100] = 1000
    inside = hu > 500
    hu[53:57, 23:97] = 0
    assert not dark_lines(hu, inside).any()


def test_an_empty_mask_has_no_line() -> None:
    assert not dark_lines(bone(), np.zeros_like(INSIDE)).any()


def test_the_contrast_of_a_line_is_its_depth_and_that_of_an_edge_is_none() -> None:
    hu = np.full((60, 60), 300, dtype=np.float32)
    hu[:, 30] = 100
    assert line_contrast(hu)[30, 30] == 200
    hu[:, 30:] = 100
    assert line_contrast(hu)[30, 26:34].max() == 0


def test_the_noise_beside_the_mask_is_measured() -> None:
    assert noise_beside(bone(noise_hu=20), INSIDE) == pytest.approx(20, rel=0.1)
    assert noise_beside(np.full((SIDE, SIDE), -900, np.float32), INSIDE) == 15


def test_only_slices_with_a_line_are_marked() -> None:
    mask = INSIDE.astype(np.uint8)
    broken, whole = (
        LabelledSlice(BONE_WINDOW.to_grey(hu)[None], mask, RECORD) for hu in (lined(340)[0], bone())
    )
    marked, same = ignoring_dark_lines([broken, whole])
    assert marked.ignored is not None
    assert marked.ignored.any()
    assert marked.mask is broken.mask
    assert same is whole
