"""The shipped weights on real broken and intact bones, which they have seen."""

import os
from pathlib import Path

import numpy as np
import pytest

from afunet.evaluation.fragments import match_fragments
from afunet.formats.readers import read_labels, read_scan
from afunet.fragments.contact_map import are_contacts_shipped
from afunet.fragments.part_bone import part_bone

FOLDER = Path(os.environ.get("AFUNET_DATA", "nowhere")) / "fractures"
pytestmark = pytest.mark.skipif(
    not FOLDER.is_dir() or not are_contacts_shipped(), reason="no real bones or no weights"
)


@pytest.mark.parametrize("bone", ["001_left-hip", "001_right-hip"])
def test_a_broken_bone_is_parted_and_an_intact_one_stays_whole(bone: str) -> None:
    truth = read_labels(FOLDER / f"{bone}_fragments.nii.gz")
    scan = read_scan(FOLDER / f"{bone}_ct.nii.gz").volume
    mask = truth.with_voxels((truth.voxels > 0).astype(np.uint8))
    score = match_fragments(part_bone(mask, scan).labels, truth, 50.0)
    assert score.recall == 1
    assert score.merged == score.split == score.extra == 0
    assert score.mean_iou > 0.9
