"""Which volume file is the label of which."""

from __future__ import annotations

from pathlib import Path

from tests.refusals import holds, refused

from afunet.data.layouts import nifti_pairs
from afunet.data.layouts.pair import Choice
from afunet.errors import ConfigError, InputError


def matched(source: Path, *files: str) -> dict[str, tuple[str, ...]]:
    for name in files:
        (source / name).parent.mkdir(parents=True, exist_ok=True)
        (source / name).touch()
    pairs = nifti_pairs.pairs(source, Choice()).pairs
    return {
        pair.given.case: tuple(path.relative_to(source).as_posix() for path in pair.paths)
        for pair in pairs
    }


def reasons(source: Path) -> dict[str, str]:
    left_out = nifti_pairs.pairs(source, Choice()).left_out
    return {item.case: item.reason for item in left_out}


def test_names_that_differ_in_the_word_for_the_role_are_pairs(tmp_path: Path) -> None:
    assert matched(tmp_path, "a1.nii.gz", "a1_label.nii.gz", "b2-ct.nrrd", "b2-mask.nii.gz") == {
        "a1": ("a1.nii.gz", "a1_label.nii.gz"),
        "b2": ("b2-ct.nrrd", "b2-mask.nii.gz"),
    }


def test_two_folders_of_equal_names_are_pairs(tmp_path: Path) -> None:
    files = ("images/k1_0000.nii.gz", "images/k2_0000.nii.gz", "labels/k2.nii", "labels/k1.nii")
    assert matched(tmp_path, *files) == {
        "k1": ("images/k1_0000.nii.gz", "labels/k1.nii"),
        "k2": ("images/k2_0000.nii.gz", "labels/k2.nii"),
    }


def test_a_folder_a_case_needs_no_common_name(tmp_path: Path) -> None:
    files = ("x/ct.nii.gz", "x/machine_labels.nii.gz", "y/scan.nii", "y/bone.nii")
    assert matched(tmp_path, *files) == {
        "x": ("x/ct.nii.gz", "x/machine_labels.nii.gz"),
        "y": ("y/scan.nii", "y/bone.nii"),
    }


def test_an_image_or_label_of_another_name_is_listed_and_not_guessed(tmp_path: Path) -> None:
    files = ("images/a.nii", "images/b.nii", "labels/a.nii", "labels/c.nii")
    assert list(matched(tmp_path, *files)) == ["a"]
    assert set(reasons(tmp_path)) == {"b", "c"}
    assert len(set(reasons(tmp_path).values())) == 2


def test_two_labels_for_one_image_are_refused_unless_one_says_bone(tmp_path: Path) -> None:
    assert matched(tmp_path, "a_ct.nii", "a_mask.nii", "a_seg.nii") == {}
    (reason,) = reasons(tmp_path).values()
    assert holds(reason, 2, "a_mask.nii", "a_seg.nii")
    other = tmp_path / "other"
    found = matched(other, "a_ct.nii", "a_mask.nii", "a_bone_mask.nii")
    assert found["a"] == ("a_ct.nii", "a_bone_mask.nii")


def test_a_table_gives_patient_side_and_split_and_its_absent_cases_are_listed(
    tmp_path: Path,
) -> None:
    (tmp_path / "cases.csv").write_text("case,patient,side,split\na1,p7,left,val\nzz,p8,,\n")
    matched(tmp_path, "a1.nii.gz", "a1_label.nii.gz")
    given = nifti_pairs.pairs(tmp_path, Choice()).pairs[0].given
    assert (given.patient, given.side, given.split) == ("p7", "L", "val")
    assert list(reasons(tmp_path)) == ["zz"]
    assert "cases.csv" in reasons(tmp_path)["zz"]


def test_a_table_with_an_unknown_split_is_refused(tmp_path: Path) -> None:
    (tmp_path / "cases.csv").write_text("case,split\na1,training\n")
    with refused(InputError, "BAD_SLICE_TABLE", "cases.csv", "'training'"):
        matched(tmp_path, "a1.nii.gz", "a1_label.nii.gz")


def test_names_of_labels_cannot_be_asked_of_files_without_names(tmp_path: Path) -> None:
    with refused(ConfigError, "LABELS_UNNAMED", "'femur'"):
        nifti_pairs.pairs(tmp_path, Choice(bones=("femur",)))
