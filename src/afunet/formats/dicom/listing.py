"""The DICOM series that a path holds, each with what the reader would make of it."""

from __future__ import annotations

from afunet.errors import InputError
from afunet.formats.dicom.files import syntax_name
from afunet.formats.dicom.geometry import arrange
from afunet.formats.dicom.reader import KIND, file_findings, find_dicom, header_findings
from afunet.formats.dicom.series import Series, choose, group_series, unfitness, why_not
from afunet.formats.findings import Finding, error
from afunet.formats.region import guess_region
from afunet.formats.request import Request
from afunet.formats.summary import SeriesSummary


def list_dicom(request: Request) -> tuple[SeriesSummary, ...]:
    """One summary a series, the one that would be read marked; no pixels are decoded.

    Raises `InputError` where there is no DICOM file or the named series is not there.
    """
    found = find_dicom(request)
    candidates = group_series(found.headers)
    chosen, findings = _chosen(candidates, request.series)
    findings = file_findings(found) + findings
    return tuple(
        _summary(series, chosen, findings if series is chosen else ()) for series in candidates
    )


def _chosen(
    candidates: tuple[Series, ...], uid: str | None
) -> tuple[Series | None, tuple[Finding, ...]]:
    if uid is None and all(unfitness(series) is not None for series in candidates):
        return None, ()
    return choose(candidates, uid)


def _summary(series: Series, chosen: Series | None, findings: tuple[Finding, ...]) -> SeriesSummary:
    first = series.first
    spacing_mm, refusal = _spacing_or_refusal(series)
    region = guess_region(first.body_part, first.descriptions, first.patient_position)
    return SeriesSummary(
        kind=KIND,
        uid=series.uid,
        modality=first.modality,
        image_type=first.image_type,
        orientation=series.plane,
        size=(first.columns, first.rows, len(series.headers)),
        spacing_mm=spacing_mm,
        slice_thickness_mm=first.slice_thickness_mm,
        kernel=first.kernel,
        body_part=first.body_part,
        region=region.name,
        transfer_syntax=syntax_name(first.transfer_syntax),
        findings=findings + header_findings(series.headers) + refusal,
        reason=why_not(series, chosen),
        chosen=series is chosen,
    )


def _spacing_or_refusal(
    series: Series,
) -> tuple[tuple[float, float, float] | None, tuple[Finding, ...]]:
    reason = unfitness(series)
    if reason is not None:
        return None, (error("NOT_A_CT_SERIES", reason),)
    try:
        stack = arrange(series)
    except InputError as refused:
        return None, (error("REFUSED", str(refused)),)
    between_rows_mm, between_columns_mm = series.first.pixel_spacing_mm or (0.0, 0.0)
    slice_mm = float((stack.affine[:3, 2] ** 2).sum() ** 0.5)
    return (between_columns_mm, between_rows_mm, slice_mm), stack.findings
