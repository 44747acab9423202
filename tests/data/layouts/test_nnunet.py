"""nnU-Net's raw folder: its description decides."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tests.refusals import holds, refused

from afunet.data.layouts import nnunet
from afunet.data.layouts.pair import Choice
from afunet.errors import AfunetError, ConfigError, InputError
from afunet.formats.nifti import write_nifti
from afunet.watch import CancelToken


@pytest.fixture
def source(tmp_path: Path, leg: Callable[..., Any], write_layout: Callable[..., Path]) -> Path:
    return write_layout("nnunet", tmp_path / "Dataset001_Legs", [leg(1), leg(2)])


def describe(source: Path, **changes: Any) -> None:
    path = source / "dataset.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), **changes}))


def bone_pixels(source: Path, **choice: Any) -> int:
    options = Choice(**choice)
    pair = nnunet.pairs(source, options).pairs[0]
    return int(sum(item.mask.sum() for item in pair.read(options, CancelToken()).slices))


def test_other_channels_than_ct_are_refused(source: Path) -> None:
    for channels in ({"0": "T1"}, {}, {"1": "CT"}):
        describe(source, channel_names=channels)
        with refused(InputError, "NOT_CT"):
            nnunet.pairs(source, Choice())


def test_the_first_versions_description_is_read_too(source: Path) -> None:
    text = {"modality": {"0": "CT"}, "labels": {"0": "background", "1": "femur"}}
    (source / "dataset.json").write_text(json.dumps(text))
    assert len(nnunet.pairs(source, Choice(bones=("femur",))).pairs) == 2


def test_labels_are_taken_by_name_pattern_or_number(source: Path, leg: Callable[..., Any]) -> None:
    one = leg(1)
    whole = int(one.mask.voxels.sum())
    label = one.mask.voxels.copy()
    label[:, 18:][label[:, 18:] == 1] = 2
    write_nifti(one.mask.with_voxels(label), source / "labelsTr" / "leg_001.nii.gz")
    femur = int((label == 1).sum())
    assert bone_pixels(source) == whole
    assert bone_pixels(source, bones=("all",)) == whole
    assert bone_pixels(source, bones=("fem*",)) == femur
    assert bone_pixels(source, bones=("2",)) == whole - femur
    assert bone_pixels(source, bones=("femur", "tibia")) == whole
    with refused(ConfigError, "UNKNOWN_NAME", "'ulna'", "femur, tibia"):
        nnunet.pairs(source, Choice(bones=("ulna",)))


def test_a_case_with_voxels_to_ignore_is_refused(source: Path, leg: Callable[..., Any]) -> None:
    describe(source, labels={"background": 0, "bone": 1, "ignore": 2})
    assert bone_pixels(source) > 0
    label = leg(1).mask.voxels.copy()
    label[0, 0, 0] = 2
    write_nifti(leg(1).mask.with_voxels(label), source / "labelsTr" / "leg_001.nii.gz")
    with refused(InputError, "LABEL_UNKNOWN", 2):
        bone_pixels(source)


def write_values(source: Path, leg: Callable[..., Any], *values: int) -> None:
    """The upper half of the bone of case 1 as the first value, the lower as the last."""
    one = leg(1)
    label = one.mask.voxels.astype(np.int16) * values[0]
    label[:, 18:][label[:, 18:] != 0] = values[-1]
    write_nifti(one.mask.with_voxels(label), source / "labelsTr" / "leg_001.nii.gz")


V1, V2 = {"0": "background", "1": "femur"}, {"background": 0, "femur": 1}
REGIONS = {"background": 0, "bones": [1, 2], "tibia": [2]}


@pytest.mark.parametrize(
    ("labels", "values", "undeclared"),
    [
        (V1, (1, 1), None),
        (V1, (1, 5), "5"),
        (V2, (1, 5), "5"),
        (V2, (255, 255), "255"),
        (V2, (3, 4), "3, 4"),
        (REGIONS, (1, 2), None),
        (REGIONS, (1, 3), "3"),
        ({"background": "0", "femur": "1"}, (1, 2), "2"),
    ],
)
def test_a_value_that_is_not_declared_leaves_its_case_out_by_its_number(
    source: Path,
    leg: Callable[..., Any],
    labels: dict[str, Any],
    values: tuple[int, int],
    undeclared: str | None,
) -> None:
    describe(source, labels=labels)
    write_values(source, leg, *values)
    if undeclared is None:
        assert bone_pixels(source) == int(leg(1).mask.voxels.sum())
        return
    with refused(InputError, "LABEL_UNKNOWN", undeclared, "dataset.json"):
        bone_pixels(source)


def test_a_number_that_the_user_names_is_declared_by_it(
    source: Path, leg: Callable[..., Any]
) -> None:
    describe(source, labels=V2)
    write_values(source, leg, 1, 5)
    both = int(leg(1).mask.voxels.sum())
    assert bone_pixels(source, bones=("1", "5")) == both
    assert 0 < bone_pixels(source, bones=("5",)) < both


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be"])
def test_a_description_in_any_encoding_of_a_text_program_is_read(
    source: Path, encoding: str
) -> None:
    path = source / "dataset.json"
    path.write_text(path.read_text(), encoding=encoding)
    assert len(nnunet.pairs(source, Choice()).pairs) == 2


def test_images_without_a_channels_number_are_read_as_the_decathlon_has_them(
    source: Path,
) -> None:
    for path in (source / "imagesTr").iterdir():
        path.rename(path.with_name(path.name.replace("_0000", "")))
    found = nnunet.pairs(source, Choice())
    assert [pair.given.case for pair in found.pairs] == ["leg_001", "leg_002"]
    assert found.left_out == ()


def test_files_of_another_ending_are_counted(source: Path) -> None:
    describe(source, file_ending=".nrrd")
    found = nnunet.pairs(source, Choice())
    assert found.pairs == ()
    assert [item.case for item in found.left_out] == ["imagesTr", "labelsTr"]
    assert all(holds(item.reason, 2, ".nrrd", "dataset.json") for item in found.left_out)


def test_images_without_a_label_and_labels_without_an_image_are_listed(source: Path) -> None:
    (source / "labelsTr" / "leg_001.nii.gz").unlink()
    (source / "imagesTr" / "leg_002_0000.nii.gz").unlink()
    found = nnunet.pairs(source, Choice())
    assert found.pairs == ()
    reasons = {item.case: item.reason for item in found.left_out}
    assert set(reasons) == {"leg_001", "leg_002"}
    assert "labelsTr" in reasons["leg_001"]
    assert "imagesTr" in reasons["leg_002"]


def test_a_fold_gives_the_splits_and_only_when_asked_for(source: Path) -> None:
    folds = [{"train": ["leg_002"], "val": ["leg_001"]}]
    (source / "splits_final.json").write_text(json.dumps(folds))

    def splits(fold: int | None) -> list[str]:
        return [pair.given.split for pair in nnunet.pairs(source, Choice(fold=fold)).pairs]

    assert splits(None) == ["", ""]
    assert splits(0) == ["val", "train"]
    with refused(ConfigError, "CONFIG_ERROR", 1, 3):
        splits(3)


@pytest.mark.parametrize("text", ["{", "[]", '{"channel_names": {"0": "CT"}, "labels": "bone"}'])
def test_a_description_that_makes_no_sense_is_one_line(source: Path, text: str) -> None:
    (source / "dataset.json").write_text(text)
    with pytest.raises(AfunetError) as caught:
        nnunet.pairs(source, Choice())
    assert "dataset.json" in str(caught.value)
    assert "\n" not in str(caught.value)


def test_cases_keep_their_masks(source: Path, leg: Callable[..., Any]) -> None:
    pair = nnunet.pairs(source, Choice()).pairs[1]
    masks = [item.mask for item in pair.read(Choice(), CancelToken()).slices]
    assert np.array_equal(masks, leg(2).mask.voxels)


def listed(**more: Any) -> dict[str, Any]:
    """The files of the folder as the description of version 2 may list them."""
    return {
        "leg_001": {"images": ["imagesTr/leg_001_0000.nii.gz"], "label": "labelsTr/leg_001.nii.gz"},
        **more,
    }


def test_the_files_that_the_description_lists_are_the_cases(
    source: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Relative, absolute, by a variable; one is not there, and one in the folder is not listed."""
    for folder, name in (("imagesTr", "leg_002_0000.nii.gz"), ("labelsTr", "leg_002.nii.gz")):
        (source / folder / name).rename(tmp_path / f"{folder}-{name}")
    monkeypatch.setenv("ELSEWHERE", str(tmp_path))
    image, label = tmp_path / "imagesTr-leg_002_0000.nii.gz", "$ELSEWHERE/labelsTr-leg_002.nii.gz"
    describe(
        source,
        dataset=listed(
            leg_002={"images": [str(image), "other"], "label": label},
            leg_009={"images": ["imagesTr/none.nii.gz"], "label": "labelsTr/none.nii.gz"},
        ),
    )
    (source / "imagesTr").rename(source / "scans")
    assert not nnunet.pairs(source, Choice()).pairs[:-1]
    (source / "scans").rename(source / "imagesTr")
    found = nnunet.pairs(source, Choice())
    assert [pair.given.case for pair in found.pairs] == ["leg_001", "leg_002"]
    assert [path.name for path in found.pairs[1].paths] == [
        "imagesTr-leg_002_0000.nii.gz",
        "labelsTr-leg_002.nii.gz",
    ]
    (left_out,) = found.left_out
    assert left_out.case == "leg_009"
    assert "dataset.json" in left_out.reason


def test_a_description_that_lists_files_is_enough_to_be_known(source: Path) -> None:
    (source / "imagesTr").rename(source / "scans")
    assert not nnunet.detect(source)
    describe(source, dataset={"a": {"images": ["scans/leg_001_0000.nii.gz"], "label": "x"}})
    assert nnunet.detect(source)


@pytest.mark.parametrize(
    "wrong",
    [[], {"a": {}}, {"a": {"images": [], "label": "x"}}, {"a": {"images": [3], "label": 4}}],
)
def test_a_list_of_files_that_makes_no_sense_is_refused(source: Path, wrong: Any) -> None:
    describe(source, dataset=wrong)
    with refused(InputError, "BAD_DESCRIPTION"):
        nnunet.pairs(source, Choice())
