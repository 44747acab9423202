"""List the DICOM series at a path, each with what the reader would do with it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from math import prod

from afunet.errors import AfunetError, Cancelled
from afunet.findings import Finding, error, info
from afunet.formats.dicom.archive import unpacked
from afunet.formats.dicom.archive_findings import archive_findings
from afunet.formats.dicom.candidates import Candidate
from afunet.formats.dicom.picker import Choice, pick, why_not
from afunet.formats.dicom.reader import (
    file_findings,
    find_dicom,
    header_findings,
    scan_of,
    source_of,
)
from afunet.formats.dicom.series import unfitness
from afunet.formats.dicom.text_rules import Outcome, uid_rule
from afunet.formats.request import Request
from afunet.formats.scan import Scan
from afunet.formats.summary import SeriesSummary

# 1 GiB of HU: a thousand slices of 512 × 512 are half of it.
MOST_VOXELS = 2**29
LOOKING = "looking at the values"


def list_dicom(request: Request, check: Callable[[Scan], Scan]) -> tuple[SeriesSummary, ...]:
    """Summarise each series, mark the one that would be read, and `check` its pixels.

    A series that the reader would refuse is not marked and has the reason. Raises `InputError` if
    there is no DICOM file or the named series does not exist.
    """
    with unpacked(request) as whole:
        found = find_dicom(whole)
        choice = pick(found.headers, whole.series, whole.named)
        if found.broken:
            choice = replace(choice, chosen=None, refusal=found.broken[0])
        choice, of_values = _looked_at(choice, whole, check)
        findings = file_findings(found) + choice.findings + of_values
        return tuple(_summary(one, choice, findings) for one in choice.candidates)


def _looked_at(
    choice: Choice, request: Request, check: Callable[[Scan], Scan]
) -> tuple[Choice, tuple[Finding, ...]]:
    """The choice, without the series if its pixels are refused, and the findings about them."""
    chosen = choice.chosen
    if chosen is None or chosen.stack is None:
        return choice, ()
    if prod(chosen.stack.shape) > MOST_VOXELS:
        message = "the pixels of this large series were not checked: only reading it checks them"
        return choice, (info("VALUES_NOT_READ", message),)
    try:
        scan = scan_of(chosen.stack, (), request)
        request.watch.tell(LOOKING, 0, 1)
        noticed = check(scan).findings
        request.watch.tell(LOOKING, 1, 1)
        return choice, noticed
    except AfunetError as refusal:
        if isinstance(refusal, Cancelled):
            raise
        refused = replace(chosen, score=None, refusal=refusal)
        others = tuple(refused if one is chosen else one for one in choice.candidates)
        return Choice(others, None), ()


def _summary(one: Candidate, choice: Choice, findings: tuple[Finding, ...]) -> SeriesSummary:
    first, images = one.series.first, len(one.series.headers)
    slices, rows, columns = one.stack.shape if one.stack else (images, first.rows, first.columns)
    chosen = one is choice.chosen
    return SeriesSummary(
        source=replace(source_of(one.series.headers), modality=one.series.modality),
        uid=_shown_uid(one.series.uid),
        orientation=one.series.plane,
        size=(columns, rows, slices),
        spacing_mm=None if one.stack is None else one.stack.spacing_mm,
        findings=(findings if chosen else ()) + _own_findings(one, choice),
        reason=why_not(one, choice),
        chosen=chosen,
        content=one.series.kind,
        score="" if one.score is None else one.score.in_words,
        image_count=images,
    )


def _shown_uid(uid: str) -> str:
    """The UID of a series, "" if it is other text, which may name somebody."""
    return "" if uid_rule(uid).outcome is Outcome.UNUSABLE else uid


def _own_findings(one: Candidate, choice: Choice) -> tuple[Finding, ...]:
    if reason := unfitness(one.series):
        return (error("NOT_A_CT_SERIES", reason),)
    noticed = header_findings(one.series.headers)
    if refusal := one.refusal or choice.refusal:
        return (*noticed, error(refusal.code or "REFUSED", str(refusal)))
    if one.stack is None:
        return noticed
    copied = archive_findings([header.copied for header in one.stack.headers])
    return noticed + one.stack.findings + copied
