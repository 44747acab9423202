"""Check the elements that DICOM results copy from their images, by one table of rules.

An archive uses them to file a result beside the images: types 1 and 2 of the Patient, the General
Study and the Frame of Reference module (PS3.3 C.7.1.1, C.7.2.1, C.7.4.1), and the UIDs by which the
result refers to its images. Everything else that names somebody is left out.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from pydicom.dataset import Dataset
from pydicom.multival import MultiValue
from pydicom.valuerep import VR

from afunet.formats.dicom.character_sets import ALONE, decoded, defined_term
from afunet.formats.dicom.text_rules import (
    Outcome,
    Rule,
    Verdict,
    date_rule,
    left_out,
    long_string_rule,
    mended,
    name_rule,
    sex_rule,
    short_string_rule,
    time_rule,
    uid_rule,
)

CHARACTER_SET = "SpecificCharacterSet"
FILED_BY: dict[str, Rule] = {
    "PatientName": name_rule,
    "PatientID": long_string_rule,
    "PatientBirthDate": date_rule,
    "PatientSex": sex_rule,
    "StudyDate": date_rule,
    "StudyTime": time_rule,
    "AccessionNumber": short_string_rule,
    "StudyID": short_string_rule,
    "ReferringPhysicianName": name_rule,
    "PositionReferenceIndicator": long_string_rule,
}
SHARED_UIDS = ("StudyInstanceUID", "SeriesInstanceUID", "FrameOfReferenceUID")
IMAGE_UIDS = ("SOPClassUID", "SOPInstanceUID")
REFERRED_BY: dict[str, Rule] = dict.fromkeys((*SHARED_UIDS, *IMAGE_UIDS), uid_rule)
COPIED: dict[str, Rule] = {**FILED_BY, **REFERRED_BY}
READ_FOR_THEM = (CHARACTER_SET, *COPIED)

# PS3.5 6.2: value representations that pydicom does not represent as text.
_NO_TEXT = {VR.SQ, VR.OB, VR.OW, VR.OD, VR.OF, VR.OL, VR.OV, VR.AT, VR.FL, VR.FD, VR.SL, VR.SS}
_NO_TEXT |= {VR.UL, VR.US, VR.SV, VR.UV}
_CONTROLS = re.compile(r"[\x00-\x1f\x7f-\x9f]")
_PADDING = " \0"


@dataclass(frozen=True)
class CopiedFact:
    """The outcome for one element of one image, without its value.

    `pseudonym` only shows whether two values are equal, within this process; it is 0 for no value.
    """

    outcome: Outcome
    fault: str
    pseudonym: int


@dataclass(frozen=True)
class ImageFacts:
    """The facts of an image, or of a frame of it (counted from 0), by keyword."""

    frame: int | None
    of: Mapping[str, CopiedFact]


@dataclass(frozen=True)
class CopiedElements:
    """The checked elements of one image: `verdicts` by keyword, empty for missing elements.

    `terms` are the defined terms of its character sets.
    """

    verdicts: dict[str, Verdict]
    terms: tuple[str, ...]

    def facts(self, frame: int | None = None) -> ImageFacts:
        """The facts that may be kept and reported."""
        return ImageFacts(
            frame,
            {
                keyword: CopiedFact(one.outcome, one.fault, hash(one.value) if one.value else 0)
                for keyword, one in self.verdicts.items()
            },
        )


def copied_elements(dataset: Dataset) -> CopiedElements:
    """Check all copied elements; no value, however odd, raises or warns."""
    character_set = _character_set(dataset)
    terms = tuple(character_set.value.split("\\"))
    verdicts = {keyword: _judged(dataset, keyword, rule, terms) for keyword, rule in COPIED.items()}
    return CopiedElements({CHARACTER_SET: character_set, **verdicts}, terms)


def most_common(images: Sequence[CopiedElements], keyword: str) -> str:
    """The most common value among the images that have one, "" for none."""
    values = Counter(image.verdicts[keyword].value for image in images)
    del values[""]
    return values.most_common(1)[0][0] if values else ""


def texts_of(dataset: Dataset, keywords: Sequence[str]) -> list[str]:
    """The text of some elements, for comparison; bytes that cannot be decoded as Latin-1."""
    terms = tuple(_character_set(dataset).value.split("\\"))
    texts = []
    for keyword in keywords:
        element = dataset.get_item(keyword)
        text = None if element is None else _text(dataset, keyword, terms)
        if text is None and element is not None and isinstance(element.value, bytes):
            text = element.value.decode("latin-1")
        texts.append(text or "")
    return texts


def _character_set(dataset: Dataset) -> Verdict:
    text = _text(dataset, CHARACTER_SET, ())
    if text is None:
        return left_out("is not a list of character sets")
    declared = [term.strip(_PADDING) for term in text.strip(_PADDING).split("\\")]
    known = [term for term in map(defined_term, declared) if term is not None]
    if len(known) < len(declared):
        return left_out("names a character set that DICOM does not have")
    if len(known) > 1 and known[0] in ALONE:
        return mended(known[0], "names other character sets beside one that must stand alone")
    value = "\\".join(known)
    return (
        Verdict(value)
        if known == declared
        else mended(value, "uses names that DICOM does not define")
    )


def _judged(dataset: Dataset, keyword: str, rule: Rule, terms: tuple[str, ...]) -> Verdict:
    element = dataset.get_item(keyword)
    if element is not None and element.VR in _NO_TEXT:
        return left_out("is not text")
    content = _text(dataset, keyword, terms)
    if content is None:
        return left_out("cannot be read in its character set")
    text = content.strip(_PADDING)
    if _CONTROLS.search(text):
        return left_out("holds control characters")
    values = [value.strip(_PADDING) for value in text.split("\\")]
    if len(set(values)) > 1:
        return left_out("has several values instead of one")
    verdict = rule(values[0]) if values[0] else Verdict()
    if verdict.outcome is not Outcome.FINE or not verdict.value:
        return verdict
    nulls_or_spaces = (" ", "spaces") if rule is uid_rule else ("\0", "nulls")
    faults = (
        (len(values) > 1, "repeats its value"),
        (not any(terms) and not text.isascii(), "is in UTF-8 without saying so"),
        (_is_padded(content, nulls_or_spaces[0]), f"is padded with {nulls_or_spaces[1]}"),
    )
    fault = next((fault for is_so, fault in faults if is_so), "")
    return mended(verdict.value, fault) if fault else verdict


def _is_padded(content: str, wrongly: str) -> bool:
    """Whether a text has the wrong padding: spaces pad texts, a null pads UIDs (PS3.5 6.2)."""
    rightly = _PADDING.replace(wrongly, "")
    return content.strip(rightly) != content.strip(_PADDING)


def _text(dataset: Dataset, keyword: str, terms: tuple[str, ...]) -> str | None:
    """An element's text, "" if it is missing, None if its bytes cannot be decoded."""
    element = dataset.get_item(keyword)
    if element is None or element.value is None:
        return ""
    value = element.value  # bytes, if the element was read from a file and not yet converted
    if isinstance(value, bytes):
        return decoded(value, terms)
    parts = value if isinstance(value, MultiValue | list | tuple) else [value]
    return "\\".join(map(str, parts))
