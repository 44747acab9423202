"""Label maps small enough to say what a correction must make of them."""

import numpy as np
import pytest
from scipy import ndimage
from tests.refusals import refused

from afunet.errors import GeometryError, InputError
from afunet.fragments import editing
from afunet.fragments.editing import (
    Change,
    change_of,
    digest_of_labels,
    erase,
    join,
    part,
    unchanged,
)
from afunet.geometry import Box, Volume

AFFINE = np.array([[0.5, 0, 0, -20], [0, 0.5, 0, 30], [0, 0, 1, 100], [0, 0, 0, 1.0]])
Point = tuple[float, float, float]


def at(labels: Volume, *voxel: int) -> Point:
    """LPS mm of a (slice, row, column)."""
    x, y, z = labels.to_mm(voxel[::-1]).tolist()
    return x, y, z


@pytest.fixture
def dumbbell() -> Volume:
    """Piece 3: two blocks of 10 × 12 × 12 voxels, a neck of 2 × 4 × 4; piece 1 lies apart."""
    voxels = np.zeros((26, 20, 30), np.uint8)
    voxels[2:12, 4:16, 4:16] = voxels[14:24, 4:16, 4:16] = voxels[12:14, 8:12, 8:12] = 3
    voxels[5:20, 5:10, 20:28] = 1
    return Volume(voxels, AFFINE)


@pytest.fixture
def block() -> Volume:
    """Piece 1: 20 × 24 × 40 voxels without any neck."""
    voxels = np.zeros((24, 28, 44), np.uint8)
    voxels[2:22, 2:26, 2:42] = 1
    return Volume(voxels, AFFINE)


def test_joined_pieces_have_the_first_label_and_the_others_stay(dumbbell: Volume) -> None:
    joined = join(dumbbell, [3, 1]).voxels
    assert np.array_equal(joined, np.where(dumbbell.voxels > 0, 3, 0))
    assert np.array_equal(np.unique(dumbbell.voxels), [0, 1, 3])  # the map that came is as it was


def test_an_erased_piece_is_background(dumbbell: Volume) -> None:
    assert np.array_equal(
        erase(dumbbell, [3]).voxels, np.where(dumbbell.voxels == 1, dumbbell.voxels, 0)
    )
    assert not erase(dumbbell, [3, 1]).voxels.any()


def test_a_neck_is_where_two_seeds_part_wherever_they_lie(dumbbell: Volume) -> None:
    first = np.indices(dumbbell.shape)[0] < 13
    for seed in ((2, 4, 4), (6, 10, 10), (11, 15, 15)):
        parted = part(dumbbell, 3, [at(dumbbell, 20, 10, 10), at(dumbbell, *seed)]).voxels
        blocks = dumbbell.voxels == 3
        blocks[12:14] = False
        assert np.array_equal(parted[blocks], np.where(first, 4, 3)[blocks])
        assert np.array_equal(parted == 1, dumbbell.voxels == 1)


def test_a_contact_parts_in_spite_of_holes(block: Volume) -> None:
    """The contact is the oblique plane slice + column = 32, and a third of it is not seen."""
    level, _, column = np.indices(block.shape)
    seen = np.random.default_rng(0).random(block.shape) > 0.33
    contact = np.where((abs(level + column - 32) < 2) & seen, 0.9, 0.02).astype(np.float32)
    parted = part(
        block,
        1,
        [at(block, 4, 10, 8), at(block, 18, 10, 36)],
        contact=block.with_voxels(contact),
    ).voxels
    beside = (block.voxels == 1) & (abs(level + column - 32) >= 2)
    right = np.where(level + column < 32, 1, 2)
    assert (parted == right)[beside].mean() > 0.99


def test_hundreds_of_seeds_keep_to_their_side_of_a_contact(block: Volume) -> None:
    contact = block.with_voxels(np.zeros(block.shape, np.float32))
    contact.voxels[:, :, 21:23] = 1
    seeds = np.argwhere(block.voxels)[::64]
    seeds = seeds[(seeds[:, 2] < 21) | (seeds[:, 2] > 22)]
    parted = part(block, 1, [at(block, *seed) for seed in seeds], contact=contact).voxels
    assert np.array_equal(parted[tuple(seeds.T)], [1, *range(2, len(seeds) + 1)])
    assert len(seeds) == 300
    is_left = np.array([False, *(seeds[:, 2] < 21)])[parted]
    sides = [is_left[2:22, 2:26, 2:21], ~is_left[2:22, 2:26, 23:42]]
    assert min(side.mean() for side in sides) > 0.995


def test_a_contact_may_lie_on_another_grid(block: Volume) -> None:
    affine = np.diag([1.0, 1.0, 1.0, 1.0])
    affine[:3, 3] = AFFINE[:3, 3]
    level = np.indices((24, 14, 22))[0]
    contact = Volume((level == 12).astype(np.float32), affine)
    seeds = [at(block, 9, 10, 8), at(block, 18, 10, 36)]
    parted = part(block, 1, seeds, contact=contact).voxels
    assert (parted[2:11][block.voxels[2:11] == 1] == 1).all()
    assert (parted[14:22][block.voxels[14:22] == 1] == 2).all()


def test_a_dark_line_of_the_scan_parts(block: Volume) -> None:
    column = np.indices(block.shape)[2]
    noise = np.random.default_rng(1).normal(0, 30, block.shape)
    hu = np.where(block.voxels, 600, 40) + noise
    hu[(column == 14) & (block.voxels == 1)] -= 450
    scan = block.with_voxels(hu.astype(np.int16))
    seeds = [at(block, 12, 10, 5), at(block, 12, 10, 38)]
    parted = part(block, 1, seeds, scan=scan, by_network=False).voxels
    inside = block.voxels == 1
    assert (parted[inside & (column < 13)] == 1).mean() > 0.98
    assert (parted[inside & (column > 15)] == 2).mean() > 0.98


def test_a_long_part_is_whole_though_the_other_seed_is_nearer() -> None:
    """The contact is at column 8, one seed just before it, the other at the far end."""
    voxels = np.zeros((12, 12, 90), np.uint8)
    voxels[1:11, 1:11, 1:89] = 1
    bar = Volume(voxels, np.eye(4))
    contact = bar.with_voxels(np.zeros(bar.shape, np.float32))
    contact.voxels[:, :, 7:9] = 0.7
    parted = part(bar, 1, [at(bar, 5, 5, 6), at(bar, 5, 5, 86)], contact=contact).voxels
    assert (parted[1:11, 1:11, 1:7] == 1).all()
    assert (parted[1:11, 1:11, 9:89] == 2).all()


def test_contact_that_shows_nothing_leaves_the_cut_to_dark_lines(block: Volume) -> None:
    column = np.indices(block.shape)[2]
    hu = np.where((block.voxels == 1) & (column != 14), 600.0, 40.0)
    nothing = block.with_voxels(np.full(block.shape, 0.01, np.float32))
    seeds = [at(block, 12, 10, 5), at(block, 12, 10, 38)]
    by_line = part(block, 1, seeds, contact=nothing, scan=block.with_voxels(hu)).voxels
    assert by_line[12, 12, [12, 16]].tolist() == [1, 2]
    halfway = part(block, 1, seeds, contact=nothing).voxels
    assert halfway[12, 12, [18, 25]].tolist() == [1, 2]


def test_the_network_shows_contacts_in_a_scan(
    block: Volume, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its contact is at column 30, the dark line elsewhere."""
    asked: list[Volume] = []

    def seen(mask: Volume, scan: Volume, *, within: Box) -> Volume:
        mask.require_same_grid(scan, "the scan")
        asked.append(mask)
        reach = np.ceil(30 / np.array(mask.array_spacing_mm)).astype(int)
        low, high = np.array([(10, 8, 3), (10, 8, 36)]) + np.outer((-1, 1), reach)
        assert [side.start for side in within] == np.maximum(low, 0).tolist()
        assert [side.stop for side in within] == (high + 1).tolist()
        found = np.zeros(mask.shape, np.float32)
        found[:, :, 28:30] = 0.9
        return mask.with_voxels(found)

    monkeypatch.setattr(editing, "contact_map", seen)
    monkeypatch.setattr(editing, "are_contacts_shipped", lambda: True)
    scan = block.with_voxels(np.where(np.indices(block.shape)[2] == 14, 40.0, 600.0))
    seeds = [at(block, 12, 10, 5), at(block, 12, 10, 38)]
    assert part(block, 1, seeds, scan=scan).voxels[12, 12, [16, 28, 33]].tolist() == [1, 1, 2]
    assert np.array_equal(asked[0].to_mm((0, 0, 0)), at(block, 2, 2, 2))
    assert part(block, 1, seeds, scan=scan, by_network=False).voxels[12, 12, 16] == 2
    assert len(asked) == 1
    monkeypatch.setattr(editing, "are_contacts_shipped", lambda: False)
    assert part(block, 1, seeds, scan=scan).voxels[12, 12, 16] == 2
    assert len(asked) == 1


def test_without_any_ridge_the_cut_lies_between_the_seeds() -> None:
    voxels = np.zeros((22, 22, 22), np.uint8)
    voxels[1:21, 1:21, 1:21] = 1
    cube = Volume(voxels, np.eye(4))
    parted = part(cube, 1, [at(cube, 10, 10, 6), at(cube, 10, 10, 15)]).voxels
    assert (parted == 1).sum() == (parted == 2).sum() == 4000
    assert parted[:, :, :11].max() == 1


def test_components_without_a_seed_go_to_the_nearest_part() -> None:
    voxels = np.zeros((8, 8, 40), np.uint8)
    voxels[2:6, 2:6, 2:20] = voxels[2:6, 2:6, 22:24] = voxels[2:6, 2:6, 37:39] = 1
    labels = Volume(voxels, np.eye(4))
    parted = part(labels, 1, [at(labels, 3, 3, 3), at(labels, 3, 3, 18)]).voxels
    assert (parted[2:6, 2:6, 22:24] == 2).all()
    assert (parted[2:6, 2:6, 37:39] == 2).all()


def random_piece(random: np.random.Generator) -> Volume:
    """A lumpy piece with a label of 1 to 250 among noise of other labels, on an odd grid."""
    shape = tuple(int(size) for size in random.integers(6, 22, 3))
    blob = ndimage.gaussian_filter(random.normal(size=shape), random.uniform(0.5, 3))
    labels = np.zeros(shape, np.uint8)
    labels[random.random(shape) < 0.05] = 251
    labels[blob >= np.quantile(blob, random.uniform(0.2, 0.8))] = random.integers(1, 251)
    spacing = random.uniform(0.3, 2.0, 3)
    turned, _ = np.linalg.qr(random.normal(size=(3, 3)))
    affine = np.eye(4)
    affine[:3, :3], affine[:3, 3] = turned * spacing, random.normal(0, 100, 3)
    return Volume(labels, affine)


@pytest.mark.parametrize("number", range(30))
def test_no_part_ever_holds_two_seeds_and_nothing_else_changes(number: int) -> None:
    random = np.random.default_rng(number)
    labels = random_piece(random)
    piece = int(np.unique(labels.voxels[(labels.voxels > 0) & (labels.voxels != 251)])[0])
    places = np.argwhere(labels.voxels == piece)
    count = int(random.integers(2, min(9, len(places)) + 1))
    seeds = places[random.choice(len(places), count, replace=False)]
    contact = scan = None
    if number % 3 == 1:
        contact = labels.with_voxels(random.random(labels.shape).astype(np.float32))
    if number % 3 == 2:
        scan = labels.with_voxels(random.normal(300, 300, labels.shape).astype(np.float32))
    points = [at(labels, *seed) for seed in seeds]
    parted = part(labels, piece, points, contact=contact, scan=scan)
    own = [int(parted.voxels[tuple(seed)]) for seed in seeds]
    highest = int(labels.voxels.max())
    assert own == [piece, *range(highest + 1, highest + count)]
    of_piece = labels.voxels == piece
    assert np.array_equal(np.isin(parted.voxels, own), of_piece)
    assert np.array_equal(parted.voxels[~of_piece], labels.voxels[~of_piece])
    assert digest_of_labels(join(parted, own)) == digest_of_labels(labels)
    others = set(np.unique(labels.voxels)) - {0, piece}
    assert unchanged(labels, parted, change_of(labels, parted).box) == others


def test_labels_beyond_a_byte_get_a_larger_type() -> None:
    voxels = np.zeros((4, 4, 12), np.uint8)
    voxels[1:3, 1:3, 1:11] = 255
    labels = Volume(voxels, np.eye(4))
    parted = part(labels, 255, [at(labels, 1, 1, 2), at(labels, 1, 1, 9)])
    assert np.unique(parted.voxels).tolist() == [0, 255, 256]
    assert digest_of_labels(labels) == digest_of_labels(labels.with_voxels(voxels.astype(np.int32)))
    assert digest_of_labels(labels) != digest_of_labels(parted)


def test_what_cannot_be_done_is_refused(dumbbell: Volume) -> None:
    good, other = at(dumbbell, 5, 6, 6), at(dumbbell, 20, 6, 6)
    with refused(InputError, "LABEL_UNKNOWN", 2, "1, 3"):
        join(dumbbell, [3, 2])
    with refused(InputError, "LABEL_UNKNOWN", 0):
        erase(dumbbell, [0])
    with refused(InputError, "PIECES_MISCOUNTED", 1):
        join(dumbbell, [3, 3])
    with refused(InputError, "SEEDS_TOO_FEW", 1):
        part(dumbbell, 3, [good])
    with refused(InputError, "SEED_OUTSIDE", "seed 2", "piece 1"):
        part(dumbbell, 3, [good, at(dumbbell, 10, 7, 24)])
    with refused(InputError, "SEED_OUTSIDE", "seed 1", "-20, 30, 100"):
        part(dumbbell, 3, [at(dumbbell, 0, 0, 0), good])
    with refused(InputError, "SEED_OUTSIDE", "1000, 0, 0"):
        part(dumbbell, 3, [good, (1000.0, 0.0, 0.0)])
    with refused(InputError, "SEED_OUTSIDE"):
        part(dumbbell, 3, [good, (float("nan"), 0.0, 0.0)])
    with refused(InputError, "SEEDS_COINCIDE", 3):
        part(dumbbell, 3, [good, other, (good[0] + 0.1, good[1], good[2])])
    with refused(GeometryError, "OTHER_GRID"):
        part(dumbbell, 3, [good, other], scan=Volume(np.zeros((2, 2, 2)), np.eye(4)))


def test_a_change_is_counted_and_has_the_box_around_it() -> None:
    before = Volume(np.zeros((6, 7, 8), np.uint8), AFFINE)
    voxels = before.voxels.copy()
    voxels[1, 5, 3], voxels[4, 2, 6] = 1, 2
    after = before.with_voxels(voxels)
    assert change_of(before, after) == Change(2, (slice(1, 5), slice(2, 6), slice(3, 7)))
    assert change_of(before, before.with_voxels(before.voxels.copy())) == Change()
