"""Names that are kept, names that are not, and who is the same person."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from afunet.data.patients import grouped, identity_of, is_harmless, pseudonym, scrubbed
from afunet.geometry import Volume


@pytest.mark.parametrize(
    "name",
    ["knee16L", "case_0001", "s0011", "patient1-volume2", "legs-dicom", "sim00012", "a", "03"],
)
def test_names_of_common_words_and_short_numbers_are_harmless(name: str) -> None:
    assert is_harmless(name)


@pytest.mark.parametrize(
    "name",
    ["Doe^Jane", "doe", "knee_mueller", "19510203", "MRN4711001", "1.2.840.113619.2.55", "", "--"],
)
def test_surnames_long_numbers_and_uids_are_not(name: str) -> None:
    assert not is_harmless(name)


WriteDicom = Callable[..., Path]


def test_a_harmless_name_that_the_header_holds_is_not_harmless(
    tmp_path: Path, cylinder: Volume, write_dicom: WriteDicom
) -> None:
    series = write_dicom(tmp_path / "dicom", cylinder, PatientID="case123", PatientName="")
    assert is_harmless("case123")
    assert not is_harmless("case123", series)


def test_one_patient_has_one_identity_by_number_then_by_name_and_birth(
    tmp_path: Path, cylinder: Volume, write_dicom: WriteDicom
) -> None:
    def identity(name: str, **elements: str) -> str:
        folder = tmp_path / name
        if not folder.exists():
            write_dicom(folder, cylinder, skip=(1, 2, 3, 4, 5), **elements)
        return identity_of(folder)

    one = identity("one", PatientID="4711", PatientName="Doe^Jane")
    assert one == identity("same", PatientID="4711 ", PatientName="DOE^JANE^M")
    assert one != identity("other", PatientID="4712", PatientName="Doe^Jane")
    assert len(one) == 64
    assert "4711" not in one
    named = identity("named", PatientID="", PatientName="Doe^Jane", PatientBirthDate="19510203")
    again = identity("again", PatientID="", PatientName="doe^jane", PatientBirthDate="19510203")
    twin = identity("twin", PatientID="", PatientName="Doe^Jane", PatientBirthDate="19510204")
    assert named == again != twin
    assert identity("anonymous", PatientID="ANONYMOUS", PatientName="Anon^") == ""


def test_other_files_have_no_identity(tmp_path: Path) -> None:
    (tmp_path / "a.nii").write_bytes(b"x" * 400)
    assert identity_of(tmp_path / "a.nii") == ""
    assert identity_of(tmp_path) == ""


def test_items_that_share_a_key_through_others_are_one_group() -> None:
    keys = [{"a"}, {"b"}, {"a", "c"}, {"d"}, {"c", "b"}, set()]
    groups = grouped([frozenset(own) for own in keys])
    assert groups[0] == groups[1] == groups[2] == groups[4]
    assert len(set(groups)) == 3


def test_a_pseudonym_depends_on_the_images_alone() -> None:
    assert pseudonym("case", ["b", "a"]) == pseudonym("case", ["a", "b"])
    assert pseudonym("case", ["a"]) != pseudonym("case", ["b"])


def test_a_reason_is_scrubbed_of_paths_and_names_but_not_of_common_ones() -> None:
    paths = (Path("/data/Doe^Jane/ct.nii.gz"), Path("/data/Doe^Jane/label.nii.gz"))
    line = scrubbed("cannot read /data/Doe^Jane/ct.nii.gz of Doe^Jane", paths, ("Doe^Jane",), "…")
    assert "Doe" not in line
    assert scrubbed("slice 3 of the label", paths, ("3",), "…") == "slice 3 of the label"
