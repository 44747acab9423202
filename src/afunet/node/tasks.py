"""What a process of the node does with one series."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from functools import lru_cache
from pathlib import Path
from typing import Any

from pydicom import dcmread

from afunet.jobs.tasks import Answer, Task
from afunet.node.config import Results
from afunet.node.database import Database
from afunet.node.home import Home
from afunet.node.images import Images
from afunet.node.outbox import Result
from afunet.node.planning import SEGMENT
from afunet.plain import from_plain
from afunet.watch import Watch
from afunet.workflows.own_files import digest_of
from afunet.workflows.result_files import DICOM_RESULTS
from afunet.workflows.segment import PLAN, Segmenter, SegmentOptions

SHOWN_DIGITS = 8


def segment(request: Mapping[str, Any], watch: Watch) -> Answer:
    """Segment the first `images` images of a series; answer the DICOM results and what is missing.

    The job's name is the identity of the results, so that another try gives them the same UIDs.
    """
    home, job = Home(Path(request["data"])), str(request["job"])
    database = Database(home.database)
    try:
        paths = Images(home, database).paths(request["series"], request["images"])
    finally:
        database.close()
    results = from_plain(Results, request["options"], "the options")
    folder = home.results / job
    case = _segmenter(results).segment(
        paths, folder, case=f"Series {request['series'][:SHOWN_DIGITS]}", identity=job, watch=watch
    )
    made = [folder / DICOM_RESULTS[name] for name in results.formats]
    return {
        "results": [asdict(result_of(path)) for path in made if path.is_file()],
        "not_written": [one.format for one in case.report.not_written],
    }


def result_of(path: Path) -> Result:
    """Return what is to be known of a DICOM file to send it."""
    found = dcmread(path, stop_before_pixels=True, specific_tags=["SOPInstanceUID"])
    meta = found.file_meta
    return Result(
        path.name,
        str(meta.MediaStorageSOPInstanceUID),
        str(meta.MediaStorageSOPClassUID),
        str(meta.TransferSyntaxUID),
        digest_of(path) or "",
    )


@lru_cache(maxsize=1)
def _segmenter(results: Results) -> Segmenter:
    """Return the network, which is loaded once in each process."""
    return Segmenter(
        SegmentOptions(
            weights=results.weights or None,
            formats=results.formats,
            segmentation_kind=results.segmentation_kind,
            deidentify=results.deidentify,
            fast=results.fast,
        )
    )


TASKS = {SEGMENT: Task(segment, PLAN)}
