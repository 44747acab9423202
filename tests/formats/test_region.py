"""Guessing the body region."""

import pytest

from afunet.formats.region import Region, guess_region


@pytest.mark.parametrize(
    ("body_part", "region"),
    [
        ("KNEE", "knee"),
        ("LEFT_KNEE", "knee"),
        ("ANKLE", "ankle"),
        ("FEMUR", "thigh"),
        ("UPPERLEG", "thigh"),
        ("LOWER LEG", "lower leg"),
        ("LEG", "legs"),
        ("HIP", "hip"),
        ("PELVIS", "pelvis"),
        ("FOREARM", "arm"),
        ("ABDOMEN", "trunk"),
    ],
)
def test_a_named_body_part_is_its_region(body_part, region):
    named = guess_region(f"{body_part} DOE", (), "")
    assert named == Region(region, "BodyPartExamined", body_part.removeprefix("LEFT_"))


def test_a_description_helps_where_the_body_part_does_not():
    region = guess_region("PARTIALBODY", ("CT Knie links 1.0 B60f",), "HFS")
    assert region.name == "knee"
    assert region.basis


def test_feet_first_says_no_more_than_lower_body():
    region = guess_region("", (), "FFS")
    assert region.name == "lower body"
    assert region.basis


@pytest.mark.parametrize("text", ["", "CHIPS", "LEGACY PROTOCOL", "WARMUP", "PARTIALBODY"])
def test_a_word_within_a_word_is_no_region(text):
    assert guess_region(text, (text,), "HFS") == Region("unknown", "")
