"""The DICOM series that a path holds, each with what the reader would make of it."""

from __future__ import annotations

from afunet.formats.dicom.archive import unpacked
from afunet.formats.dicom.files import syntax_name
from afunet.formats.dicom.picker import Candidate, Choice, pick, why_not
from afunet.formats.dicom.reader import KIND, file_findings, find_dicom, header_findings
from afunet.formats.dicom.series import unfitness
from afunet.formats.findings import Finding, error
from afunet.formats.region import guess_region
from afunet.formats.request import Request
from afunet.formats.summary import SeriesSummary


def list_dicom(request: Request) -> tuple[SeriesSummary, ...]:
    """One summary a series, the one that would be read marked; pixels are not decoded.

    Raises `InputError` where there is no DICOM file or the named series is not there.
    """
    with unpacked(request) as whole:
        found = find_dicom(whole)
        choice = pick(found.headers, whole.series, whole.paths)
        findings = file_findings(found) + choice.findings
        return tuple(_summary(one, choice, findings) for one in choice.candidates)


def _summary(one: Candidate, choice: Choice, findings: tuple[Finding, ...]) -> SeriesSummary:
    first = one.series.first
    chosen = one is choice.chosen
    region = guess_region(first.body_part, first.descriptions, first.patient_position)
    return SeriesSummary(
        kind=KIND,
        uid=one.series.uid,
        modality=first.modality,
        image_type=first.image_type,
        orientation=one.series.plane,
        size=(first.columns, first.rows, len(one.series.headers)),
        spacing_mm=None if one.stack is None else one.stack.spacing_mm,
        slice_thickness_mm=first.slice_thickness_mm,
        kernel=first.kernel,
        body_part=first.body_part,
        region=region.name,
        transfer_syntax=syntax_name(first.transfer_syntax),
        findings=(findings if chosen else ()) + _own_findings(one, choice),
        reason=why_not(one, choice),
        chosen=chosen,
        content=one.series.kind,
        patient_position=first.patient_position,
        score="" if one.score is None else one.score.in_words,
    )


def _own_findings(one: Candidate, choice: Choice) -> tuple[Finding, ...]:
    if reason := unfitness(one.series):
        return (error("NOT_A_CT_SERIES", reason),)
    noticed = header_findings(one.series.headers)
    if refusal := one.refusal or choice.refusal:
        return (*noticed, error(refusal.code or "REFUSED", str(refusal)))
    return noticed + (() if one.stack is None else one.stack.findings)
