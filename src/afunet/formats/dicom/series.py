"""Which images belong together, and which of several series is the CT to read."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable
from dataclasses import dataclass

import numpy as np

from afunet.errors import InputError
from afunet.formats.dicom.header import Header
from afunet.formats.findings import Finding, warning
from afunet.formats.plane import plane_name


@dataclass(frozen=True, eq=False)
class Series:
    """Images that form one stack: one series UID, frame of reference, kind and plane."""

    uid: str
    plane: str
    headers: tuple[Header, ...]

    @property
    def first(self) -> Header:
        """Any of the headers, for what all share."""
        return self.headers[0]

    @property
    def modality(self) -> str:
        """The DICOM modality, such as CT."""
        return self.first.modality

    @property
    def rank(self) -> tuple[float, ...]:
        """The values of `RANKING`: the greatest is the series to read."""
        return tuple(value(self) for _, value in RANKING)

    @property
    def in_words(self) -> str:
        """What tells it from its neighbours, without its UID."""
        thickness = self.first.slice_thickness_mm
        parts = [
            f"{len(self.headers)} {self.plane} slices",
            "" if thickness is None else f"{thickness:g} mm thick",
            self.first.kernel and f"kernel {self.first.kernel}",
        ]
        return ", ".join(filter(None, parts))


# From the weightiest criterion to the tie-break; more is better.
RANKING: tuple[tuple[str, Callable[[Series], float]], ...] = (
    ("original, not derived", lambda series: all(h.is_original for h in series.headers)),
    ("most slices", lambda series: len(series.headers)),
    ("thinnest slices", lambda series: -(series.first.slice_thickness_mm or np.inf)),
)


def group_series(headers: Iterable[Header]) -> tuple[Series, ...]:
    """The stacks among some headers, in order of appearance.

    A series that mixes scouts with slices, frames of reference or planes is several stacks.
    """
    groups: dict[tuple[str, str, bool, str], list[Header]] = defaultdict(list)
    for header in headers:
        key = (header.series_uid, header.frame_of_reference, header.is_localizer, plane_of(header))
        groups[key].append(header)
    return tuple(Series(key[0], key[3], tuple(group)) for key, group in groups.items())


def plane_of(header: Header) -> str:
    """Axial, coronal, sagittal, oblique, or unknown where there is no orientation."""
    if header.orientation is None:
        return "unknown"
    return plane_name(np.cross(header.orientation[:3], header.orientation[3:]))


def unfitness(series: Series) -> str | None:
    """Why a series can be no CT volume by its kind; None where it can."""
    first = series.first
    if first.modality != "CT":
        return f"its modality is {first.modality or 'not stated'}, not CT"
    if first.is_localizer:
        return "it is a localizer (scout)"
    if first.rows == 0:
        return "it holds no image"
    if first.frames > 1:
        return f"it is a multi-frame image of {first.frames} frames, one file a slice is expected"
    if first.samples_per_pixel != 1:
        return "it holds colour images"
    return None


def choose(candidates: tuple[Series, ...], uid: str | None) -> tuple[Series, tuple[Finding, ...]]:
    """The series to read and what was noticed in choosing it.

    `uid` picks by the series UID or a unique end of it. Raises `InputError` where nothing
    can be read, or nothing of that UID.
    """
    named = candidates if uid is None else _named(candidates, uid)
    fit = [series for series in named if unfitness(series) is None]
    if not fit:
        raise InputError(_nothing_fit(named))
    chosen = max(fit, key=lambda series: series.rank)
    return chosen, _choice_findings(chosen, fit, uid)


def why_not(series: Series, chosen: Series | None) -> str:
    """Why a series was chosen or passed over, in a few words."""
    reason = unfitness(series)
    if reason is not None:
        return f"not chosen: {reason}"
    if chosen is None or series is chosen:
        return "chosen"
    for (criterion, _), theirs, ours in zip(RANKING, chosen.rank, series.rank, strict=True):
        if theirs != ours:
            return f"not chosen: another one is better by: {criterion}"
    return "not chosen: as good as the chosen one, which came first"


def _named(candidates: tuple[Series, ...], uid: str) -> tuple[Series, ...]:
    known = sorted({series.uid for series in candidates})
    matching = [name for name in known if name == uid]
    matching = matching or [name for name in known if uid and name.endswith(uid)]
    if len(matching) != 1:
        found = "no series" if not matching else f"{len(matching)} series"
        raise InputError(f"{found} with the UID {uid!r}; there are: {', '.join(known)}")
    return tuple(series for series in candidates if series.uid == matching[0])


def _nothing_fit(candidates: tuple[Series, ...]) -> str:
    reasons = "; ".join(
        f"{len(series.headers)} image{'s' * (len(series.headers) > 1)}: {unfitness(series)}"
        for series in candidates
    )
    return f"there is no CT series to read ({reasons}); give a folder with axial CT slices"


def _choice_findings(chosen: Series, fit: list[Series], uid: str | None) -> tuple[Finding, ...]:
    findings: list[Finding] = []
    if len(fit) > 1:
        others = "; ".join(series.in_words for series in fit if series is not chosen)
        criteria = ", ".join(name for name, _ in RANKING)
        findings.append(
            warning(
                "SEVERAL_SERIES",
                f"{len(fit)} CT series can be read; took the one of {chosen.in_words} "
                f"({criteria} first), not: {others}",
            )
        )
    if not chosen.first.is_original:
        findings.append(warning("DERIVED_SERIES", "the images are derived or secondary ones"))
    return tuple(findings)
