"""Pictures and page of corrected pieces, drawn with the correction or, by `finish`, after it.

They cost more than all else, and nobody looks at them while one correction follows another.
"""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path

from afunet.formats.scan import Scan
from afunet.geometry import Mesh, Volume
from afunet.reconstruction.pieces import Instances
from afunet.report.case.facts import FlagFacts, Report
from afunet.report.case.reading import flag_pictures_of, report_of_json
from afunet.report.not_written import NotWritten
from afunet.report.surfaces.preview import PICTURE_TRIANGLES, previews
from afunet.watch import Watch
from afunet.workflows.attempts import WrittenResults
from afunet.workflows.case_pages import (
    OVERLAY,
    REPORT_HTML,
    REPORT_JSON,
    SCENE,
    draw_overlay,
    draw_scene,
    turning_view,
    write_json,
    write_page,
    write_scene,
)
from afunet.workflows.case_results import BONE
from afunet.workflows.case_writing import TURNING
from afunet.workflows.edit_list import VERSIONS
from afunet.workflows.result_files import coloured_pieces

NOT_YET = "NOT_YET"
DRAWING = "pictures"


@dataclass(frozen=True, eq=False)
class Pages:
    """What pictures and page are drawn from; `mask` is None if the picture of slices is still true.

    The pictures of flags are on the page of before, which is in `folder` or its versions.
    """

    report: Report
    scan: Scan
    instances: Instances
    mesh: Mesh | None
    mask: Volume | None
    folder: Path

    def write(self, written: WrittenResults, carry: Callable[[], None], watch: Watch) -> Report:
        """Write pictures and page; `carry` puts all other results beside them before the page."""
        surfaces = previews(coloured_pieces(self.instances, self.mesh), PICTURE_TRIANGLES)
        renderer = self.report.surface.renderer

        def scene(own: Path) -> list[str]:
            nonlocal renderer
            drawn = draw_scene(self.scan, surfaces)
            renderer = drawn.renderer
            return write_scene(own, drawn)

        watch.check()
        written.write(SCENE, scene)
        if self.mask is not None:
            mask = self.mask
            written.write(OVERLAY, lambda own: draw_overlay(own, self.scan, mask))
        watch.check()
        watch.tell(DRAWING, 1, 2)
        turning = written.attempts.made(TURNING, lambda: turning_view(self.scan, surfaces), "")
        carry()
        told = replace(self.report, surface=replace(self.report.surface, renderer=renderer))
        whole = complete(told, written, REPORT_HTML, REPORT_JSON)
        shown, beside = flag_pictures(self.folder, self.report.flags), written.folder
        written.write(REPORT_HTML, lambda own: write_page(own, whole, beside, turning, shown))
        return told


def write_report(report: Report, written: WrittenResults) -> None:
    """Write the report with the names of all results, and of those that are missing."""
    written.write(REPORT_JSON, lambda own: write_json(own, complete(report, written, REPORT_JSON)))


def complete(report: Report, written: WrittenResults, *coming: str) -> Report:
    """Return the report with the files so far and those `coming`, and what is missing."""
    missing = tuple(written.attempts.missing)
    return replace(report, files=(*written.names, *coming), not_written=missing)


def put_off(written: WrittenResults, names: Iterable[str]) -> None:
    """Note that pages, or surfaces of all bone, are not there yet."""
    reason = "it is made in the background after a correction"
    written.attempts.missing += [NotWritten(name, reason, NOT_YET) for name in names]


def surfaces_among(names: Iterable[str]) -> list[str]:
    """Return the names of those results that are the surface of all bone."""
    return [name for name in names if name.startswith(f"{BONE}.")]


def pages_to_come(folder: Path) -> frozenset[str]:
    """Return the names of the results that the report in a folder says are not there yet."""
    with suppress(FileNotFoundError):
        told = json.loads((folder / REPORT_JSON).read_bytes())["not_written"]
        return frozenset(one["format"] for one in told if one["code"] == NOT_YET)
    return frozenset()


def flag_pictures(folder: Path, flags: Sequence[FlagFacts]) -> tuple[bytes, ...]:
    """Return the pictures of flags from the last page that was written, b"" for one without."""
    for older in _folders(folder):
        page, report = older / REPORT_HTML, older / REPORT_JSON
        if page.is_file() and report.is_file():
            known = report_of_json(report.read_text(encoding="utf-8")).flags
            found = flag_pictures_of(page.read_text(encoding="utf-8", errors="replace"))
            shown = list(zip(known, found, strict=False))
            return tuple(
                next((picture for other, picture in shown if _same_place(other, flag)), b"")
                for flag in flags
            )
    return (b"",) * len(flags)


def _same_place(one: FlagFacts, other: FlagFacts) -> bool:
    """Return whether two flags are about the same, whatever its piece is called now."""
    return replace(one, piece=other.piece, message=other.message) == other


def _folders(folder: Path) -> Iterator[Path]:
    yield folder
    versions = folder / VERSIONS
    numbers = [path.name for path in versions.iterdir()] if versions.is_dir() else []
    for number in sorted((int(name) for name in numbers if name.isdecimal()), reverse=True):
        yield versions / str(number)


def placed(source: Path, target: Path) -> None:
    """Give a file a second name, or copy it where the file system has no links."""
    target.parent.mkdir(parents=True, exist_ok=True)
    try:
        os.link(source, target)
    except OSError:
        shutil.copy2(source, target)
