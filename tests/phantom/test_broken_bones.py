import numpy as np

from afunet.phantom import (
    Anatomy,
    Fracture,
    FracturePattern,
    LegConfig,
    SimulatedLeg,
    axial_grid,
    simulate,
)
from afunet.phantom.views.broken_bones import broken_bones, draw_broken_place, under_mask


def broken_knee() -> SimulatedLeg:
    fracture = Fracture(
        "tibia left", 0.0, gap_mm=0.0, pattern=FracturePattern.PLATEAU_BICONDYLAR, seed=2
    )
    return simulate(
        LegConfig(
            grid=axial_grid((12, 48, 48), 2.5, 6.0, (100.0, 5.0, 0.0)),
            anatomy=Anatomy(surface_step_mm=2.0),
            fractures=(fracture,),
        )
    )


def test_each_bone_comes_alone_with_its_fragments_by_size_on_the_scans_grid() -> None:
    leg = broken_knee()
    found = broken_bones(leg)
    assert {"femur left", "tibia left"} <= found.keys()
    assert np.unique(found["femur left"].fragments.voxels).tolist() == [0, 1]
    for name, bone in found.items():
        sizes = np.bincount(bone.fragments.voxels.ravel())[1:]
        assert (np.diff(sizes) <= 0).all()
        label = {title: k for k, title in leg.bones.names.items()}[name]
        assert sizes.sum() == (leg.bones.volume.voxels == label).sum()
        assert bone.hu.same_grid(bone.fragments)
        assert bone.hu.voxels.dtype == np.float32
        assert bone.fragments.voxels.dtype == np.uint8
        # The first voxel of the box is where the scan has it.
        corner = np.rint(leg.volume.to_indices(bone.hu.to_mm((0, 0, 0)))).astype(int)
        assert bone.hu.voxels[0, 0, 0] == leg.volume.voxels[tuple(corner[::-1])]
    assert len(np.unique(found["tibia left"].fragments.voxels)) == 4


def test_a_mask_has_the_labels_of_the_nearest_bone_and_none_far_from_it() -> None:
    leg = broken_knee()
    exact = leg.bones.volume
    mask = (exact.voxels > 0).astype(np.uint8)
    bare = np.argwhere((mask[:, 1:-1] == 0) & (mask[:, :-2] > 0) & (mask[:, 2:] > 0))
    at = tuple(bare[0] + (0, 1, 0))  # between two voxels of bone
    mask[at], mask[0, 0, 0], mask[tuple(np.argwhere(mask)[0])] = 1, 1, 0
    shown = under_mask(leg, exact.with_voxels(mask))
    for old, new in ((leg.bones, shown.bones), (leg.fragments, shown.fragments)):
        assert new.names == old.names
        row, column = slice(at[1] - 1, at[1] + 2), slice(at[2] - 1, at[2] + 2)
        assert new.volume.voxels[at] in old.volume.voxels[at[0], row, column]
        assert new.volume.voxels[at] > 0
        assert new.volume.voxels[0, 0, 0] == 0
        kept = (mask > 0) & (exact.voxels > 0)
        assert np.array_equal(new.volume.voxels[kept], old.volume.voxels[kept])
        assert not new.volume.voxels[mask == 0].any()


def test_a_drawn_place_is_finely_scanned_around_its_fracture() -> None:
    for seed in range(5):
        leg = draw_broken_place(seed)
        assert leg == draw_broken_place(seed)
        assert leg.fractures
        low, high = leg.grid.matrix()[2, 3], leg.grid.matrix()[2, 3] + 100.0
        assert low < leg.fractures[0].centre_mm < high
