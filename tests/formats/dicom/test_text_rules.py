"""What each value representation takes, what is mended, what is left out."""

import pytest
from pydicom.dataelem import RawDataElement
from pydicom.dataset import Dataset
from pydicom.tag import Tag

from afunet.formats.dicom.character_sets import character_set_for, decoded, defined_term
from afunet.formats.dicom.copied_elements import copied_elements
from afunet.formats.dicom.text_rules import (
    Outcome,
    date_rule,
    long_string_rule,
    name_rule,
    sex_rule,
    short_string_rule,
    time_rule,
    uid_rule,
)

FINE, MENDED, LEFT_OUT = Outcome.FINE, Outcome.MENDED, Outcome.LEFT_OUT
PASSED_ON, UNUSABLE = Outcome.PASSED_ON, Outcome.UNUSABLE

TABLE = [
    (date_rule, "19600201", FINE, "19600201"),
    (date_rule, "20240229", FINE, "20240229"),
    (date_rule, "1960-02-01", MENDED, "19600201"),
    (date_rule, "1960.02.01", MENDED, "19600201"),
    (date_rule, "2020.1.1", MENDED, "20200101"),
    (date_rule, "1960-02.01", LEFT_OUT, ""),
    (date_rule, "01/02/1960", LEFT_OUT, ""),
    (date_rule, "31.12.1960", LEFT_OUT, ""),
    (date_rule, "19600230", LEFT_OUT, ""),
    (date_rule, "20230229", LEFT_OUT, ""),
    (date_rule, "00000000", LEFT_OUT, ""),
    (date_rule, "1960", LEFT_OUT, ""),
    (date_rule, "19600201120000", LEFT_OUT, ""),
    (date_rule, "١٩٦٠٠٢٠١", LEFT_OUT, ""),
    (time_rule, "10", FINE, "10"),
    (time_rule, "1011", FINE, "1011"),
    (time_rule, "101112.5", FINE, "101112.5"),
    (time_rule, "235960", FINE, "235960"),
    (time_rule, "10:11:12", MENDED, "101112"),
    (time_rule, "10:11", MENDED, "1011"),
    (time_rule, "10:11:12.1234567", MENDED, "101112.123456"),
    (time_rule, "101112.1234567", MENDED, "101112.123456"),
    (time_rule, "101112.", MENDED, "101112"),
    (time_rule, "2460", LEFT_OUT, ""),
    (time_rule, "240000", LEFT_OUT, ""),
    (time_rule, "10111299", LEFT_OUT, ""),
    (time_rule, "101112+0100", LEFT_OUT, ""),
    (time_rule, "25:00:00", LEFT_OUT, ""),
    (sex_rule, "M", FINE, "M"),
    (sex_rule, "Male", MENDED, "M"),
    (sex_rule, "female", MENDED, "F"),
    (sex_rule, "o", MENDED, "O"),
    (sex_rule, "W", LEFT_OUT, ""),
    (sex_rule, "_", LEFT_OUT, ""),
    (sex_rule, "U", LEFT_OUT, ""),
    (long_string_rule, "A" * 64, FINE, "A" * 64),
    (long_string_rule, "A" * 65, LEFT_OUT, ""),
    (short_string_rule, "A" * 16, FINE, "A" * 16),
    (short_string_rule, "A" * 17, LEFT_OUT, ""),
    (name_rule, "Doe^Jo^^Dr", FINE, "Doe^Jo^^Dr"),
    (
        name_rule,
        "Yamada^Tarou=山田^太郎=やまだ^たろう",
        FINE,
        "Yamada^Tarou=山田^太郎=やまだ^たろう",
    ),
    (name_rule, "Doe^Jo^^^^^", MENDED, "Doe^Jo^^^"),
    (name_rule, "A^B^C^D^E^F^G", LEFT_OUT, ""),
    (name_rule, "A=B=C=D", LEFT_OUT, ""),
    (name_rule, "A" * 65, LEFT_OUT, ""),
    (name_rule, "^^", FINE, ""),
    (uid_rule, "1.2.840.0.5", FINE, "1.2.840.0.5"),
    (uid_rule, "1.02.5", PASSED_ON, "1.02.5"),
    (uid_rule, "1.2." + "3" * 60, FINE, "1.2." + "3" * 60),
    (uid_rule, "1.2." + "3" * 61, UNUSABLE, "1.2." + "3" * 61),
    (uid_rule, "1.02.abc", UNUSABLE, "1.02.abc"),
    (uid_rule, "1.2.3.", UNUSABLE, "1.2.3."),
    (uid_rule, "1..3", UNUSABLE, "1..3"),
    (uid_rule, "anonymous", UNUSABLE, "anonymous"),
]


@pytest.mark.parametrize(("rule", "text", "outcome", "value"), TABLE)
def test_rule(rule, text, outcome, value):
    verdict = rule(text)
    assert (verdict.outcome, verdict.value) == (outcome, value)
    assert bool(verdict.fault) == (outcome is not FINE)
    assert len(text) < 3 or text not in verdict.fault


@pytest.mark.parametrize(
    ("said", "term"),
    [
        ("ISO_IR 100", "ISO_IR 100"),
        ("ISO-8859-1", "ISO_IR 100"),
        ("iso8859_2", "ISO_IR 101"),
        ("latin1", "ISO_IR 100"),
        ("ISO IR 192", "ISO_IR 192"),
        ("utf-8", "ISO_IR 192"),
        ("ISO_IR 6", ""),
        ("", ""),
        ("ISO 2022 IR 87", "ISO 2022 IR 87"),
        ("gb18030", "GB18030"),
        ("windows-1252", None),
        ("ISO-8859-77", None),
    ],
)
def test_a_character_set_by_another_name(said, term):
    assert defined_term(said) == term


def test_text_is_read_in_its_character_set_or_not_at_all():
    assert decoded(b"M\xfcller", ("ISO_IR 100",)) == "Müller"
    assert decoded("Müller".encode(), ("ISO_IR 192",)) == "Müller"
    assert decoded("Müller".encode(), ("",)) == "Müller"
    assert decoded(b"M\xfcller", ("",)) is None
    assert decoded(b"M\xfcller", ("ISO_IR 192",)) is None
    kanji = b"Yamada^Tarou=\x1b$B;3ED\x1b(B^\x1b$BB@O:\x1b(B"  # PS3.5 annex H.3
    assert decoded(kanji, ("", "ISO 2022 IR 87")) == "Yamada^Tarou=山田^太郎"
    chinese = b"Zhang^XiaoDong=\x1b$)A\xd5\xc5^\x1b$)A\xd0\xa1\xb6\xab="  # PS3.5 annex K.2
    assert decoded(chinese, ("", "ISO 2022 IR 58")) == "Zhang^XiaoDong=张^小东="


def test_a_result_keeps_a_single_character_set_and_makes_utf_8_of_several():
    assert character_set_for("Doe", ("ISO_IR 100",)) == ""
    assert character_set_for("Müller", ("ISO_IR 100",)) == "ISO_IR 100"
    assert character_set_for("Müller", ("",)) == "ISO_IR 192"
    assert character_set_for("山田", ("", "ISO 2022 IR 87")) == "ISO_IR 192"


def test_a_character_set_that_stands_alone_does_so_whatever_is_named_beside_it():
    dataset = Dataset()
    dataset.SpecificCharacterSet = ["ISO_IR 192", "ISO 2022 IR 87"]
    tag = Tag("PatientName")
    name = "Yamada^Tarou=山田^太郎".encode()
    dataset[tag] = RawDataElement(tag, "PN", len(name), name, 0, False, True)
    copied = copied_elements(dataset)
    assert copied.verdicts["SpecificCharacterSet"].outcome is Outcome.MENDED
    assert copied.terms == ("ISO_IR 192",)
    assert copied.verdicts["PatientName"].value == "Yamada^Tarou=山田^太郎"
