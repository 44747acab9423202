"""The ways in which 27 volumes of 20 patients may lie."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from afunet.data.layouts import paper, perez_carrasco
from afunet.data.layouts.pair import Choice
from afunet.formats.nifti import write_nifti


@pytest.fixture
def source(tmp_path: Path, leg: Callable[..., Any], write_layout: Callable[..., Path]) -> Path:
    source = write_layout("perez-carrasco", tmp_path / "set", [leg(1), leg(2)])
    second = source / "patient1" / "volume2"
    write_nifti(leg(3).volume, second / "image.nii.gz")
    write_nifti(leg(3).mask, second / "bone.nii.gz")
    write_nifti(leg(3).mask, second / "muscle_mask.nii.gz")
    return source


def test_a_volume_is_a_case_and_the_folder_above_it_the_patient(source: Path) -> None:
    found = perez_carrasco.pairs(source, Choice())
    assert [(pair.given.case, pair.given.patient) for pair in found.pairs] == [
        ("patient1-volume1", "patient1"),
        ("patient1-volume2", "patient1"),
        ("patient2-volume1", "patient2"),
    ]
    assert found.left_out == ()


def test_the_mask_of_bone_is_taken_and_that_of_muscle_is_not(source: Path) -> None:
    pair = perez_carrasco.pairs(source, Choice()).pairs[1]
    assert [path.name for path in pair.paths] == ["image.nii.gz", "bone.nii.gz"]


def test_volumes_without_patients_folders_take_the_patients_of_the_table(source: Path) -> None:
    for folder in list(source.iterdir()):
        for volume in folder.iterdir():
            volume.rename(source / f"{volume.name}-{folder.name}")
        folder.rmdir()
    names = sorted(path.name for path in source.iterdir())
    rows = [f"{name},p{number // 2}" for number, name in enumerate(names)]
    (source / "cases.csv").write_text("\n".join(["case,patient", *rows]))
    found = perez_carrasco.pairs(source, Choice())
    assert [pair.given.case for pair in found.pairs] == names
    assert [pair.given.patient for pair in found.pairs] == ["p0", "p0", "p1"]


def test_dicom_slices_with_png_masks_are_a_volume_too(
    tmp_path: Path, leg: Callable[..., Any], write_layout: Callable[..., Path]
) -> None:
    write_layout("paper", tmp_path / "set" / "patient1", [leg(1), leg(2)])
    assert paper.detect(tmp_path / "set")
    assert perez_carrasco.detect(tmp_path / "set")
    found = perez_carrasco.pairs(tmp_path / "set", Choice())
    assert [(pair.given.case, len(pair.paths)) for pair in found.pairs] == [
        ("patient1-leg1", 6),
        ("patient1-leg2", 6),
    ]


def test_a_volume_without_a_label_is_listed(source: Path) -> None:
    (source / "patient2" / "volume1" / "bone.nii.gz").unlink()
    found = perez_carrasco.pairs(source, Choice())
    assert len(found.pairs) == 2
    assert [item.case for item in found.left_out] == ["patient2"]
