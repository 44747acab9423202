"""One bone and its fragments, with a network that answers what a test wants."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from tests.refusals import refused

from afunet.errors import ConfigError, GeometryError
from afunet.fragments.contact_map import contact_map
from afunet.fragments.cut_rules import CutRules
from afunet.fragments.part_bone import part_bone
from afunet.geometry import Volume
from afunet.models.contact_network import ContactConfig

DARK, BONE = 0.0, 600.0


@dataclass(frozen=True)
class DarkIsContact:
    """A network that takes dark bone for contact."""

    config: ContactConfig

    def __call__(self, inputs: NDArray[np.float32]) -> NDArray[np.float32]:
        grey, mask = inputs[:, :1], inputs[:, 1:2]
        return np.where((mask > 0) & (grey < 0), 6.0, -6.0).astype(np.float32)


NETWORK: Any = DarkIsContact(ContactConfig())


def bone(voxels: NDArray[Any], spacing: tuple[float, float, float] = (1, 1, 1)) -> Volume:
    slice_mm, row_mm, column_mm = spacing
    return Volume(voxels, np.diag([column_mm, row_mm, slice_mm, 1.0]))


def bar() -> tuple[NDArray[np.uint8], NDArray[np.float32]]:
    """A bar of 20 × 20 × 60 voxels with air around it, and its HU."""
    mask = np.zeros((24, 24, 64), dtype=np.uint8)
    mask[2:22, 2:22, 2:62] = 1
    return mask, np.where(mask > 0, BONE, 40.0).astype(np.float32)


def test_a_dark_plane_parts_a_bar_where_it_lies() -> None:
    mask, hu = bar()
    hu[:, :, 40:42] = DARK
    found = part_bone(bone(mask), bone(hu), NETWORK)
    assert np.array_equal(found.labels.voxels > 0, mask > 0)
    assert (found.labels.voxels[2:22, 2:22, 2:40] == 1).all()
    assert (found.labels.voxels[2:22, 2:22, 42:62] == 2).all()
    (cut,) = found.cuts
    assert (cut.one, cut.other) == (1, 2)
    assert cut.area_mm2 == pytest.approx(400, rel=0.05)
    assert cut.probability == pytest.approx(0.84, abs=0.03)
    assert cut.centre_mm == pytest.approx((40.5, 11.5, 11.5), abs=1)


def test_contacts_are_looked_for_within_a_box_only() -> None:
    mask, hu = bar()
    hu[:, :, 20:22] = hu[:, :, 40:42] = DARK
    whole = contact_map(bone(mask), bone(hu), NETWORK).voxels
    box = (slice(0, 24), slice(0, 24), slice(30, 64))
    found = contact_map(bone(mask), bone(hu), NETWORK, within=box).voxels
    assert (whole[10, 10, [20, 40]] > 0.5).all()
    assert not found[:, :, :30].any()
    assert np.array_equal(found[:, :, 30:], whole[:, :, 30:])


def test_a_plane_with_a_hole_still_parts() -> None:
    mask, hu = bar()
    hu[:, :, 40:42] = DARK
    hu[9:15, 9:15, 40:42] = BONE
    assert part_bone(bone(mask), bone(hu), NETWORK).labels.voxels.max() == 2


def test_a_line_that_ends_inside_the_bone_parts_nothing_but_is_told() -> None:
    mask, hu = bar()
    hu[:11, :, 40:42] = DARK
    rules = CutRules(suspected=0.005)
    found = part_bone(bone(mask), bone(hu), NETWORK, rules)
    assert found.labels.voxels.max() == 1
    assert not found.cuts
    (one,) = found.suspected
    assert one.cut.one == one.cut.other == 1
    assert one.cut.centre_mm[0] == pytest.approx(40.5, abs=2)
    assert one.smaller_mm3 == pytest.approx(20 * 20 * 20, rel=0.1)
    assert one.places_mm.mean(axis=0) == pytest.approx(one.cut.centre_mm)
    assert len(one.places_mm) == one.cut.area_mm2
    assert np.ptp(one.places_mm[:, 1:], axis=0) == pytest.approx((19, 19))


def test_a_spot_parts_nothing() -> None:
    mask, hu = bar()
    hu[8:14, 8:14, 30:34] = DARK
    found = part_bone(bone(mask), bone(hu), NETWORK)
    assert found.labels.voxels.max() == 1
    assert not found.suspected


def test_a_chip_that_touches_is_a_fragment_from_the_volume_of_the_rules_on() -> None:
    mask, hu = bar()
    hu[2:10, 2:10, 2:10] = DARK  # 512 mm³ with the contact around it
    hu[2:8, 2:8, 2:8] = BONE  # 216 mm³
    easy = CutRules(bias=-12.0, weights=(20.0, 1.5, 0.0), least_touching_mm3=100)
    found = part_bone(bone(mask), bone(hu), NETWORK, easy)
    assert found.labels.voxels[4, 4, 4] == 2
    few = replace(easy, least_touching_mm3=600)
    assert part_bone(bone(mask), bone(hu), NETWORK, few).labels.voxels.max() == 1


def test_a_free_chip_is_a_fragment_from_50_mm3_on() -> None:
    mask, hu = bar()
    mask[2:11, 2:11, 2:11] = 0
    mask[2:8, 2:8, 2:8] = 1
    found = part_bone(bone(mask), bone(hu), NETWORK)
    assert found.labels.voxels[4, 4, 4] == 2
    few = CutRules(least_mm3=300)
    assert part_bone(bone(mask), bone(hu), NETWORK, few).labels.voxels.max() == 1


def test_pieces_with_a_gap_stay_apart_and_crumbs_go_to_the_nearest() -> None:
    mask, hu = bar()
    mask[:, :, 30:33] = 0
    mask[2, 2, 31] = 1  # too small to be a fragment
    found = part_bone(bone(mask), bone(hu), NETWORK)
    assert set(np.unique(found.labels.voxels)) == {0, 1, 2}
    assert found.labels.voxels[2, 2, 31] > 0
    assert not found.cuts


def test_the_answer_does_not_depend_on_what_lies_outside_the_bone() -> None:
    mask, hu = bar()
    hu[:, :, 40:42] = DARK
    alone = np.where(mask > 0, hu, 0)
    shown, masked = (part_bone(bone(mask), bone(ct), NETWORK) for ct in (hu, alone))
    assert np.array_equal(shown.labels.voxels, masked.labels.voxels)
    assert shown.cuts == masked.cuts


def test_thick_slices_and_fine_pixels_give_the_same_fragments() -> None:
    mask = np.zeros((10, 50, 130), dtype=np.uint8)
    mask[1:9, 5:45, 5:125] = 1
    hu = np.where(mask > 0, BONE, 0).astype(np.float32)
    hu[:, :, 80:84] = DARK
    spacing = (2.5, 0.5, 0.5)
    found = part_bone(bone(mask, spacing), bone(hu, spacing), NETWORK)
    assert found.labels.voxels.max() == 2
    assert found.cuts[0].centre_mm[0] == pytest.approx(81.5 * 0.5, abs=1)
    assert found.cuts[0].area_mm2 == pytest.approx(20 * 20, rel=0.1)


def test_nothing_has_no_fragments() -> None:
    empty = np.zeros((5, 6, 7), dtype=np.uint8)
    found = part_bone(bone(empty), bone(empty.astype(np.float32)), NETWORK)
    assert not found.labels.voxels.any()
    assert not contact_map(bone(empty), bone(empty.astype(np.float32)), NETWORK).voxels.any()


def test_a_single_voxel_is_one_fragment() -> None:
    mask = np.zeros((3, 3, 3), dtype=np.uint8)
    mask[1, 1, 1] = 1
    assert part_bone(bone(mask), bone(mask * BONE), NETWORK).labels.voxels.sum() == 1


def test_a_map_of_contacts_lies_on_the_mask_and_nowhere_else() -> None:
    mask, hu = bar()
    hu[:, :, 40:42] = DARK
    found = contact_map(bone(mask), bone(hu), NETWORK).voxels
    assert (found[2:22, 2:22, 40:42] > 0.9).all()
    assert (found[2:22, 2:22, 2:38] < 0.1).all()
    assert not found[mask == 0].any()


def test_another_grid_is_refused() -> None:
    mask, hu = bar()
    with refused(GeometryError, "OTHER_GRID"):
        part_bone(bone(mask), bone(hu, (1, 1, 1.5)), NETWORK)


def test_a_suspicion_above_what_is_sure_is_refused() -> None:
    with pytest.raises(ConfigError):
        CutRules(sure=0.3, suspected=0.4)
