"""What a process of a batch does with one scan."""

from __future__ import annotations

import os
from collections.abc import Mapping
from contextlib import AbstractContextManager, nullcontext
from functools import lru_cache
from pathlib import Path
from typing import Any

from afunet.batch.orders import options_of
from afunet.batch.resources import bound_memory
from afunet.batch.stores import StoredScan, is_url
from afunet.jobs.tasks import Answer, Task
from afunet.watch import Watch
from afunet.workflows.own_files import read_own_files
from afunet.workflows.segment import PLAN, Segmenter, SegmentOptions

SEGMENT = "segment"
MOST_BYTES = "AFUNET_BATCH_BYTES"
"""The variable that tells a process how much memory it may take."""


def segment(request: Mapping[str, Any], watch: Watch) -> Answer:
    """Segment a scan into its own folder; answer what was left out, and the results' digests."""
    if most := os.environ.get(MOST_BYTES):
        bound_memory(int(most))
    segmenter = _segmenter(options_of(request["options"]))
    folder = Path(request["results"])
    with _scan_at(request["scan"]) as scan:
        case = segmenter.segment(
            scan, folder, case=request["title"], identity=request["id"], watch=watch
        )
    return {
        "not_written": [one.format for one in case.report.not_written],
        "seconds": round(sum(case.report.run.seconds.values()), 2),
        "peak_memory_mb": case.report.run.peak_memory_mb,
        "files": dict(read_own_files(folder).files.get(SEGMENT, {})),
    }


def _scan_at(name: str) -> AbstractContextManager[Path]:
    return StoredScan(name).fetched() if is_url(name) else nullcontext(Path(name))


@lru_cache(maxsize=1)
def _segmenter(options: SegmentOptions) -> Segmenter:
    """Return the network of a batch, which is loaded once in each process."""
    return Segmenter(options)


TASKS = {SEGMENT: Task(segment, PLAN)}
