"""What a case may be called."""

import os
from pathlib import Path

import pytest

from afunet.workflows.titles import title_of

TAKEN = {
    "leg-1.nii.gz": "leg-1",
    "left_knee_ct": "left_knee_ct",
    "ct.nrrd": "ct",
    "sample00.nii": "sample00",
    "case 012": "case 012",
    "IM3.mha": "IM3",
    "scan 7.zip": "scan 7",
}
WITHHELD = [
    "DOE_JOHN_1960",
    "Doe^John",
    "müller-knee",
    "1960-01-02",
    "leg_1960.01.02",
    "knee 19600102.nii.gz",
    "PID0012345678",
    "1.2.840.113619.2.55",
    "山田",
    "12345.zip",
    os.fsdecode(b"leg-\xff\xfe.nii"),
    "leg\nct",
]


@pytest.mark.parametrize("name", TAKEN)
def test_a_name_of_common_words_and_small_numbers_is_the_title(name: str, tmp_path: Path) -> None:
    path = tmp_path / name
    path.touch()
    assert title_of(path) == (TAKEN[name], [])


@pytest.mark.parametrize("name", WITHHELD)
def test_a_name_that_may_be_a_patients_is_withheld_and_that_is_said(
    name: str, tmp_path: Path
) -> None:
    (tmp_path / name).touch()
    title, (finding,) = title_of(tmp_path / name, "case-002")
    assert title == "case-002"
    assert finding.code == "TITLE_WITHHELD"
    assert "--name" in str(finding)
    assert Path(name).stem not in str(finding)
