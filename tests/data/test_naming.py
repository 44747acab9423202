"""Who is called what, and who is the same."""

from pathlib import Path

from afunet.data.naming import KnownCase, name_all


def known(
    case: str, *patients: str, identity: str = "", prints: str = "", keeps: bool = False
) -> KnownCase:
    own = frozenset(prints or case)
    return KnownCase(case, frozenset(patients), Path("none"), identity, own, keeps)


def test_harmless_names_are_kept_and_a_lone_case_is_its_own_patient() -> None:
    names = name_all([known("knee01", "p1"), known("knee02", "p1"), known("knee03", prints="x")])
    assert names.cases == ("knee01", "knee02", "knee03")
    assert names.patients == ("p1", "p1", "knee03")
    # knee01 and knee02 share the letters of their prints, but are one patient already.
    assert names.merged == 0


def test_other_names_become_pseudonyms_in_cases_and_patients() -> None:
    names = name_all([known("Mueller", prints="a"), known("knee", "Mueller", prints="b")])
    assert names.cases[0].startswith("case-")
    assert names.patients[0] == names.cases[0]
    assert names.patients[1].startswith("patient-")


def test_the_same_name_in_two_sources_is_numbered() -> None:
    names = name_all([known("leg", prints="a"), known("leg", prints="b"), known("leg", prints="c")])
    assert names.cases == names.patients == ("leg", "leg-2", "leg-3")


def test_a_patient_is_one_by_dicom_identity_whatever_else_he_is_called() -> None:
    names = name_all([known("a", "p1", identity="x", prints="1"), known("b", "p2", identity="x")])
    assert names.patients == ("p1", "p1")


def test_cases_that_share_an_image_are_one_patient_unless_they_keep_their_splits() -> None:
    drawn = name_all([known("a", prints="12"), known("b", prints="23")])
    assert len(set(drawn.patients)) == 1
    assert drawn.merged == 1
    given = name_all([known("a", prints="12", keeps=True), known("b", prints="23", keeps=True)])
    assert given.patients == ("a", "b")
    assert given.merged == 0


def test_a_patients_name_that_is_anothers_cases_name_is_not_mixed_up_with_it() -> None:
    names = name_all([known("a", prints="1"), known("b", "a", prints="2")])
    assert len(set(names.patients)) == 2
