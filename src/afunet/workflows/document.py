"""The report as a DICOM document, which is made after all other results."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from afunet.report.case.facts import Report
from afunet.workflows.case_pages import pictures_in
from afunet.workflows.case_results import CaseResults
from afunet.workflows.result_files import DOCUMENT


def write_document(
    results: CaseResults, report: Report, pictures: Path, flags: Sequence[bytes], folder: Path
) -> list[str]:
    """Write the report as an Encapsulated PDF with the pictures that are in a folder.

    `flags` are the pictures of the report's flags (PNG). Raises `OutputError` if it is impossible.
    """
    from afunet.formats.dicom.encapsulated_pdf import write_encapsulated_pdf
    from afunet.formats.dicom.result import result_planes
    from afunet.report.case.document import render_pdf  # an extra

    overlay, scene = pictures_in(pictures)
    write_encapsulated_pdf(
        render_pdf(report, overlay, scene, flags),
        result_planes(results.scan, deidentified=results.deidentified),
        results.algorithm,
        folder / DOCUMENT,
        results.identity,
        deidentified=results.deidentified,
    )
    return [DOCUMENT]
