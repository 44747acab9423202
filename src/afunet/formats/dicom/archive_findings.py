"""Find problems that an archive (PACS) would have with results of these images, before writing."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence

from afunet.findings import Finding, info, warning
from afunet.formats.dicom.copied_elements import (
    CHARACTER_SET,
    COPIED,
    FILED_BY,
    IMAGE_UIDS,
    SHARED_UIDS,
    CopiedFact,
    ImageFacts,
)
from afunet.formats.dicom.text_rules import Outcome

NO_RESULTS = "DICOM Segmentation and RT Structure Set cannot be written"
_CODES = {
    Outcome.MENDED: "HEADER_MENDED",
    Outcome.LEFT_OUT: "HEADER_LEFT_OUT",
    Outcome.PASSED_ON: "HEADER_PASSED_ON",
    Outcome.UNUSABLE: "REFERENCES_UNSOUND",
}
_DONE = {
    Outcome.MENDED: "corrected in DICOM results",
    Outcome.LEFT_OUT: "left empty in DICOM results",
    Outcome.PASSED_ON: "kept in DICOM results, so that they are filed with the images",
}


def archive_findings(images: Sequence[ImageFacts]) -> tuple[Finding, ...]:
    """Findings about the elements that results copy: name and kind of fault, never the value."""
    refusal = unsound_references(images)
    found = [finding for keyword in (CHARACTER_SET, *COPIED) for finding in _of(keyword, images)]
    return (*found, *_of_frames_of_reference(images), *(() if refusal is None else (refusal,)))


def unsound_references(images: Sequence[ImageFacts], *, renewed: bool = False) -> Finding | None:
    """Return why no result can refer to the images so that an archive finds them; None if one can.

    `renewed` is for results with new UIDs: then the form of the old ones does not matter.
    """
    total = len(images)
    several = _distinct(images, "StudyInstanceUID")
    if several > 1:
        return _unsound(
            "SEVERAL_STUDIES",
            f"the slices belong to {several} studies, but a DICOM result belongs to one",
        )
    instances = [(image.of["SOPInstanceUID"].pseudonym, image.frame) for image in images]
    if missing := sum(not pseudonym for pseudonym, _ in instances):
        return _unsound(
            "REFERENCES_UNSOUND", f"SOPInstanceUID is missing in {missing} of {total} slices"
        )
    if (distinct := len(set(instances))) < total:
        return _unsound(
            "REFERENCES_UNSOUND",
            f"{total} slices share {distinct} SOPInstanceUID{'s' * (distinct > 1)}",
        )
    for keyword in () if renewed else (*SHARED_UIDS, *IMAGE_UIDS):
        facts = [image.of[keyword] for image in images]
        if faulty := [fact for fact in facts if fact.outcome is Outcome.UNUSABLE]:
            fault = _told(keyword, faulty, total)
            return _unsound("REFERENCES_UNSOUND", fault, " unless --deidentify renews the UIDs")
    return None


def _unsound(code: str, message: str, unless: str = "") -> Finding:
    return warning(code, f"{message}: {NO_RESULTS}{unless}")


def _of(keyword: str, images: Sequence[ImageFacts]) -> Iterator[Finding]:
    facts = [image.of[keyword] for image in images]
    for outcome, done in _DONE.items():
        faulty = [fact for fact in facts if fact.outcome is outcome]
        if not faulty:
            continue
        if outcome is Outcome.LEFT_OUT and any(fact.pseudonym for fact in facts):
            done = "DICOM results take the value of the other slices"
        yield info(_CODES[outcome], _told(keyword, faulty, len(facts)), done)
    distinct, missing = _distinct(images, keyword), sum(not fact.pseudonym for fact in facts)
    if keyword in FILED_BY and distinct > 1:
        message = f"{keyword} has {distinct} values among {len(facts)} slices"
        yield info("HEADER_DIFFERS", message, "DICOM results take the most common value")
    if keyword in SHARED_UIDS and missing:
        message = f"{keyword} is missing in {missing} of {len(facts)} slices"
        yield info("UID_MISSING", message, "DICOM results get a new one")


def _of_frames_of_reference(images: Sequence[ImageFacts]) -> Iterator[Finding]:
    frames = _distinct(images, "FrameOfReferenceUID")
    if frames > 1:
        message = f"the slices have {frames} frames of reference"
        yield info("FRAME_OF_REFERENCE_NEW", message, "DICOM results get a new one")


def _distinct(images: Sequence[ImageFacts], keyword: str) -> int:
    return len({image.of[keyword].pseudonym for image in images} - {0})


def _told(keyword: str, faulty: Sequence[CopiedFact], total: int) -> str:
    fault = Counter(fact.fault for fact in faulty).most_common(1)[0][0]
    where = "" if len(faulty) == total else f" in {len(faulty)} of {total} slices"
    return f"{keyword} {fault}{where}"
