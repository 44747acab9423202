"""Pick the CT to read among several series, with reasons in numbers and words."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from operator import attrgetter
from pathlib import Path

from afunet.errors import InputError
from afunet.findings import Finding, warning
from afunet.formats.dicom.candidates import Candidate, weighed
from afunet.formats.dicom.derived import derived_kind
from afunet.formats.dicom.evidence import of_several_patients
from afunet.formats.dicom.header import Header
from afunet.formats.dicom.joining import Joined, differing, joined, joining_findings
from afunet.formats.dicom.series import Series, group_series, unfitness

MOST_NAMED = 4


@dataclass(frozen=True, eq=False)
class Choice:
    """All series that were found, the one to read if any, and the findings about the choice.

    `refusal` is the reason if none was chosen although some can be read. Users can choose a
    candidate by its number, counted in this order.
    """

    candidates: tuple[Candidate, ...]
    chosen: Candidate | None
    findings: tuple[Finding, ...] = ()
    refusal: InputError | None = None


def pick(headers: tuple[Header, ...], name: str | None, given: Sequence[Path] = ()) -> Choice:
    """Rate all series among some headers and choose the best, or the one with this `name`.

    See `_named` for names; `given` are the paths that the user gave, for messages. Raises
    `InputError` if no series has that name. Nothing is chosen if no series can be read (see
    `require_chosen`), if they are of several patients, or if the best may be only part of a scan.
    """
    found = joined(group_series(headers))
    wanted = found.series if name is None else _named(found.series, name)
    candidates = weighed(found.series)
    readable = [one for one in candidates if one.score is not None and one.series in wanted]
    if not readable:
        return Choice(candidates, None)
    if refusal := _of_several_patients(readable, given):
        return Choice(candidates, None, refusal=refusal)
    chosen = max(readable, key=attrgetter("rank"))
    if refusal := _of_torn_series(chosen, found):
        return Choice(candidates, None, refusal=refusal)
    return Choice(
        candidates, chosen, _choice_findings(chosen, readable) + _passed_over(candidates, name)
    )


def require_chosen(choice: Choice, uid: str | None) -> Candidate:
    """Return the chosen series; raises `InputError` or `GeometryError` with the reason if none."""
    if choice.chosen is not None:
        return choice.chosen
    if choice.refusal is not None:
        raise choice.refusal
    wanted = choice.candidates
    if uid is not None:
        named = _named(tuple(one.series for one in wanted), uid)
        wanted = tuple(one for one in wanted if one.series in named)
    stacks = [one for one in wanted if unfitness(one.series) is None]
    if stacks:
        best = max(stacks, key=lambda one: len(one.series.headers))
        if best.refusal is not None:
            raise best.refusal
    reasons = summed_up(
        f"{len(one.series.headers)} image{'s' * (len(one.series.headers) > 1)}: "
        f"{unfitness(one.series)}"
        for one in wanted
    )
    raise InputError(
        f"there is no CT series to read ({reasons}): give a folder with axial CT slices",
        code="NO_CT_SERIES",
    )


def why_not(one: Candidate, choice: Choice) -> str:
    """Why a series was chosen or passed over, in a few words."""
    chosen = choice.chosen
    if one is chosen:
        return "chosen"
    if reason := unfitness(one.series):
        return f"not chosen: {reason}"
    if one.refusal is not None:
        if one.refusal.code == "BONES_REMOVED":
            return "not chosen: its bones were removed"
        return f"not chosen: it cannot be {'placed' if one.stack is None else 'read'}"
    if choice.refusal is not None:
        ambiguous = choice.refusal.code in ("SEVERAL_PATIENTS", "SERIES_TORN")
        why = "it is unclear which scan is meant" if ambiguous else "not all files can be read"
        return f"not chosen: {why}"
    if one.score is None or chosen is None or chosen.score is None:
        return "not chosen: a better series cannot be read; choose this one with --series"
    if one.score.total == chosen.score.total:
        return "not chosen: as good as the chosen one, which came first"
    return f"not chosen: {chosen.score.lead_over(one.score)}"


def _of_several_patients(readable: Sequence[Candidate], given: Sequence[Path]) -> InputError | None:
    """The refusal to guess which patient is meant; None if all name one patient, or none."""
    patients: list[Series] = []
    for one in readable:
        others = (of_several_patients([known.headers, one.series.headers]) for known in patients)
        if all(others):
            patients.append(one.series)
    if len(patients) < 2:
        return None
    each = _folder_each(readable, given)
    run_all = f"; afunet segment {each}/* -o OUT segments them all" if each else ""
    return InputError(
        f"there are CT series of {len(patients)} patients here: give the folder of one patient, "
        f"or choose a series with --series (afunet inspect lists them){run_all}",
        code="SEVERAL_PATIENTS",
    )


def _folder_each(readable: Iterable[Candidate], given: Sequence[Path]) -> Path | None:
    """The given folder, if each folder in it holds the series of one patient."""
    if len(given) != 1:
        return None
    below: dict[Path, list[tuple[Header, ...]]] = {}
    for one in readable:
        for header in one.series.headers:
            parts = header.path.parts[len(given[0].parts) :]
            if header.path.parent == given[0] or not header.path.is_relative_to(given[0]):
                return None
            below.setdefault(Path(parts[0]), []).append((header,))
    mixed = any(of_several_patients(headers) for headers in below.values())
    return given[0] if len(below) > 1 and not mixed else None


def _of_torn_series(chosen: Candidate, found: Joined) -> InputError | None:
    """The refusal to read a series that may be only a part of a scan; None without doubt."""
    doubt = next((parts for parts in found.doubts if chosen.series in parts), None)
    if doubt is None:
        return None
    headers = [header for part in doubt for header in part.headers]
    ours, why = len(chosen.series.headers), differing(headers)
    return InputError(
        f"{ours} of {len(headers)} slices could be read, but the others lie in the same stack and "
        f"it is unclear whether all are one scan{why and ': ' + why}; give a folder that holds "
        "only the slices of one scan",
        code="SERIES_TORN",
    )


def summed_up(items: Iterable[str]) -> str:
    """A list in words: repeated items once with their number, and at most `MOST_NAMED` items."""
    counted = Counter(items).most_common()
    words = [f"{count} × {item}" if count > 1 else item for item, count in counted]
    rest = sum(count for _, count in counted[MOST_NAMED:])
    return "; ".join(words[:MOST_NAMED] + [f"{rest} more"] * bool(rest))


def _named(series: tuple[Series, ...], name: str) -> tuple[Series, ...]:
    """The series with this UID, this number in `afunet inspect`, or this unique end of a UID.

    Several series may have one UID. Raises `InputError` unless exactly one UID matches.
    """
    if having := tuple(one for one in series if name in one.uids):
        return having
    if name.isdecimal() and 1 <= int(name) <= len(series):
        return (series[int(name) - 1],)
    known = {uid for one in series for uid in one.uids}
    matching = [uid for uid in known if name and uid.endswith(name)]
    if len(matching) != 1:
        found = "no series" if not matching else f"{len(matching)} series"
        raise InputError(
            f"{found} with the UID {name!r} among {len(series)} series: give the number or the UID "
            "that afunet inspect lists",
            code="NO_SUCH_SERIES",
        )
    return tuple(one for one in series if matching[0] in one.uids)


def _of_nobody(readable: Iterable[Candidate]) -> str:
    """A warning if several studies name no patient, since they may be of several patients."""
    headers = [header for one in readable for header in one.series.headers]
    studies = {header.study_uid for header in headers} - {""}
    if len(studies) < 2 or any(any(header.patient) for header in headers):
        return ""
    return f"; they belong to {len(studies)} studies and name no patient: perhaps several patients"


def _passed_over(candidates: Sequence[Candidate], name: str | None) -> tuple[Finding, ...]:
    """A finding about other CT series that cannot be read, with the codes of their faults."""
    refused = [one for one in candidates if one.refusal is not None]
    if name is not None or not refused:
        return ()
    words = summed_up(
        f"{one.series.in_words} ({one.refusal and one.refusal.code})" for one in refused
    )
    message = f"other CT series cannot be read: {words}"
    return (warning("SERIES_PASSED_OVER", message),)


def _choice_findings(chosen: Candidate, readable: list[Candidate]) -> tuple[Finding, ...]:
    findings = list(joining_findings(chosen.series))
    others = [one.series for one in readable if one is not chosen]
    if others:
        same = [series for series in others if series.uid == chosen.series.uid]
        acquisitions = chosen.series.acquisition and len(same) == len(others)
        words = summed_up(series.in_words for series in others)
        findings.append(
            warning(
                "SEVERAL_ACQUISITIONS" if acquisitions else "SEVERAL_SERIES",
                f"{len(readable)} CT {'acquisitions' if acquisitions else 'series'} can be read; "
                f"took the one with {chosen.series.in_words}, not: {words}{_of_nobody(readable)}",
            )
        )
    if not chosen.series.is_original:
        computed = derived_kind(chosen.series.first) is not None
        but = ", whose HU are not those of the scan" if computed else ""
        findings.append(warning("DERIVED_SERIES", f"the images are {chosen.series.kind}{but}"))
    return tuple(findings)
