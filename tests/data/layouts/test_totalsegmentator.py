"""One mask a structure: which are bone is the user's choice."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from tests.refusals import holds, refused

from afunet.data.layouts import totalsegmentator
from afunet.data.layouts.pair import Choice
from afunet.errors import InputError
from afunet.formats.nifti import write_nifti
from afunet.watch import CancelToken


@pytest.fixture
def source(tmp_path: Path, leg: Callable[..., Any], write_layout: Callable[..., Path]) -> Path:
    return write_layout("totalsegmentator", tmp_path / "set", [leg(1), leg(2)])


def structures(source: Path, *bones: str) -> list[str]:
    pair = totalsegmentator.pairs(source, Choice(bones=bones)).pairs[0]
    return [path.name.removesuffix(".nii.gz") for path in pair.paths[1:]]


def test_the_lower_limbs_bones_are_the_default_and_organs_are_not(source: Path) -> None:
    assert structures(source) == ["femur_left", "tibia"]


def test_names_and_patterns_replace_the_default_unless_it_is_named(source: Path) -> None:
    assert structures(source, "tib*") == ["tibia"]
    assert structures(source, "default", "liver") == ["femur_left", "liver", "tibia"]
    assert structures(source, "all") == ["femur_left", "liver", "tibia"]


def test_the_masks_of_all_structures_are_united(source: Path, leg: Callable[..., Any]) -> None:
    def pixels(*bones: str) -> int:
        pair = totalsegmentator.pairs(source, Choice(bones=bones)).pairs[0]
        return int(sum(item.mask.sum() for item in pair.read(Choice(), CancelToken()).slices))

    assert pixels() == leg(1).mask.voxels.sum()
    assert pixels("tibia") + pixels("femur_left") == pixels()


@pytest.mark.parametrize("values", [(255,), (1, 2)])
def test_a_mask_with_other_values_is_refused_with_what_helps_in_this_layout(
    source: Path, leg: Callable[..., Any], values: tuple[int, ...]
) -> None:
    label = leg(1).mask.voxels.astype("uint8") * values[-1]
    label[:, 18:][label[:, 18:] != 0] = values[0]
    path = source / "s0001" / "segmentations" / "tibia.nii.gz"
    write_nifti(leg(1).mask.with_voxels(label), path)
    with refused(InputError, "NOT_BINARY") as raised:
        totalsegmentator.pairs(source, Choice()).pairs[0].read(Choice(), CancelToken())
    assert "--bones" not in str(raised.value)


def test_cases_without_a_structure_and_broken_cases_are_listed(source: Path) -> None:
    for mask in (source / "s0001" / "segmentations").iterdir():
        if mask.name != "liver.nii.gz":
            mask.unlink()
    (source / "s0002" / "ct.nii.gz").unlink()
    found = totalsegmentator.pairs(source, Choice())
    assert found.pairs == ()
    reasons = {item.case: item.reason for item in found.left_out}
    assert holds(reasons["s0001"], "segmentations/", "sacrum, hip_left")
    assert holds(reasons["s0002"], "segmentations/", "ct.nii.gz")


def test_the_published_table_gives_the_splits(source: Path) -> None:
    (source / "meta.csv").write_text(
        "image_id;age;split\ns0001;50;val\ns0002;60;train\ns0099;60;test\n"
    )
    found = totalsegmentator.pairs(source, Choice())
    assert [pair.given.split for pair in found.pairs] == ["val", "train"]
    assert found.left_out == ()
