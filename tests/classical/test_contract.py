"""What every method of `CLASSICAL` promises; a new one is picked up by its line there."""

import numpy as np
import pytest
from numpy.typing import NDArray

from afunet.classical import CLASSICAL
from afunet.evaluation.overlap import count, dice
from afunet.preprocessing import BONE_WINDOW

every_method = pytest.mark.parametrize("name", CLASSICAL)

AIR_HU, PADDING_HU, MUSCLE_HU, MARROW_HU, CORTEX_HU = -1000, 0, 50, -50, 900
SIZE = 96
CENTRE = (48, 48)
LIMB_PX, BONE_PX, MARROW_PX = 38, 15, 11


def disc(radius: float, centre: tuple[float, float] = CENTRE) -> NDArray[np.bool_]:
    row, column = np.mgrid[:SIZE, :SIZE]
    return np.asarray(np.hypot(row - centre[0], column - centre[1]) <= radius)


def limb_hu() -> NDArray[np.float64]:
    """Muscle with a tube of cortex around marrow, in air."""
    hu = np.full((SIZE, SIZE), float(AIR_HU))
    for radius, value in ((LIMB_PX, MUSCLE_HU), (BONE_PX, CORTEX_HU), (MARROW_PX, MARROW_HU)):
        hu[disc(radius)] = value
    return hu


def segmented(name: str, hu: NDArray[np.float64]) -> NDArray[np.uint8]:
    return CLASSICAL[name].segment(BONE_WINDOW.to_unit(hu))


def agreement_with_bone(name: str, hu: NDArray[np.float64]) -> float:
    return dice(count(segmented(name, hu) > 0, disc(BONE_PX)))


@every_method
@pytest.mark.parametrize("shape", [(1, 40), (40, 1), (1, 1), (3, 5), (47, 33)])
def test_a_slice_of_any_size_gives_0_and_1_of_that_size(name: str, shape: tuple[int, int]) -> None:
    unit = np.random.default_rng(0).random(shape, dtype=np.float32)
    mask = CLASSICAL[name].segment(unit)
    assert mask.shape == shape
    assert mask.dtype == np.uint8
    assert set(np.unique(mask)) <= {0, 1}


@every_method
@pytest.mark.parametrize("value_hu", [AIR_HU, PADDING_HU, MUSCLE_HU])
@pytest.mark.parametrize("shape", [(1, 40), (40, 40)])
def test_air_padding_and_flesh_alone_hold_no_bone(
    name: str, value_hu: int, shape: tuple[int, int]
) -> None:
    assert not segmented(name, np.full(shape, float(value_hu))).any()


@every_method
@pytest.mark.parametrize("shape", [(1, 40), (40, 40)])
def test_a_slice_full_of_cortex_is_bone_to_its_border(name: str, shape: tuple[int, int]) -> None:
    assert segmented(name, np.full(shape, float(CORTEX_HU))).all()


@every_method
def test_the_marrow_belongs_to_the_bone(name: str) -> None:
    assert agreement_with_bone(name, limb_hu()) > 0.97
    assert segmented(name, limb_hu())[CENTRE] == 1


@every_method
def test_a_gap_in_the_cortex_does_not_let_the_marrow_out(name: str) -> None:
    hu = limb_hu()
    ring = disc(BONE_PX) & ~disc(MARROW_PX)
    ring[:, : CENTRE[1]] = False
    ring[: CENTRE[0] - 1] = False
    ring[CENTRE[0] + 2 :] = False
    assert ring.any()
    hu[ring] = MARROW_HU
    assert agreement_with_bone(name, hu) > 0.97


@every_method
def test_noise_of_30_hu_costs_little(name: str) -> None:
    noise = np.random.default_rng(0).normal(0, 30, (SIZE, SIZE))
    assert agreement_with_bone(name, limb_hu() + noise) > 0.95


@every_method
def test_table_and_cast_are_not_bone(name: str) -> None:
    hu = limb_hu()
    hu[90:92] = CORTEX_HU
    hu[disc(43) & ~disc(42)] = CORTEX_HU
    assert agreement_with_bone(name, hu) > 0.97


@every_method
def test_padding_around_the_field_of_view_changes_nothing(name: str) -> None:
    padded = limb_hu()
    padded[:, :8] = padded[:, -8:] = PADDING_HU
    np.testing.assert_array_equal(segmented(name, padded), segmented(name, limb_hu()))


@every_method
def test_the_same_slice_gives_the_same_mask_and_is_left_as_it_was(name: str) -> None:
    unit = BONE_WINDOW.to_unit(limb_hu())
    before = unit.copy()
    first, second = CLASSICAL[name].segment(unit), CLASSICAL[name].segment(unit)
    np.testing.assert_array_equal(first, second)
    np.testing.assert_array_equal(unit, before)


@every_method
def test_its_source_is_named(name: str) -> None:
    assert any(year in CLASSICAL[name].source for year in ("1978", "1982", "2010", "2011"))
