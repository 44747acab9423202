"""What came of a case: the reader's scan compared with the plain one, or its refusal."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory

from afunet.errors import AfunetError
from afunet.findings import Severity
from afunet.formats.readers import list_series, read_scan

from .case import Case, Expected, Refused, Same
from .cases import CASES
from .identifiers import names_in
from .truth import BoolArray, Difference, difference, resampled_bone

LEAST_DICE, LARGEST_LANDMARK_MM = 0.99, 0.1


@dataclass(frozen=True)
class Outcome:
    """Either a refusal with its code and message, or a scan with its findings and difference."""

    code: str = ""
    message: str = ""
    slices: int = 0
    findings: tuple[str, ...] = ()
    texts: tuple[str, ...] = ()
    difference: Difference | None = None

    @property
    def in_words(self) -> str:
        """What came, for a table."""
        return "same" if self.difference is not None else self.code or "refused without a code"


def outcome_of(case: Case, folder: Path, *, strict: bool) -> Outcome:
    """Read a case that was written into a folder."""
    try:
        scan = read_scan(folder / case.read, strict=strict)
    except AfunetError as error:
        return Outcome(error.code, str(error))
    between_mm = case.expect.between_mm if isinstance(case.expect, Same) else None
    bone = resampled_bone(scan.volume.voxels, scan.volume.affine)
    return Outcome(
        slices=scan.volume.shape[0],
        findings=tuple(finding.code for finding in scan.findings),
        texts=tuple(str(finding) for finding in scan.findings),
        difference=difference(bone, plain_bone(), between_mm),
    )


def disagreements(case: Case, folder: Path, outcome: Outcome) -> list[str]:
    """In what the list of the case's series says otherwise than reading by default did."""
    try:
        listed = list_series(folder / case.read)
    except AfunetError as error:
        listed, refusals = (), {error.code}
    else:
        found = [finding for one in listed for finding in one.findings]
        refusals = {one.code for one in found if one.severity is Severity.ERROR}
    chosen = [one for one in listed if one.chosen]
    texts = [str(finding) for one in listed for finding in one.findings]
    wrong = [f"names the patient: {word}" for text in texts for word in names_in(text)]
    if outcome.difference is None:
        wrong += ["is marked as read"] * bool(chosen)
        known = outcome.code in refusals | {"NO_CT_SERIES"}
        return wrong + [f"told {sorted(refusals)}, not {outcome.code}"] * (not known)
    if len(chosen) != 1:
        return [*wrong, f"{len(chosen)} series are marked as read"]
    codes = {finding.code for finding in chosen[0].findings}
    if codes != set(outcome.findings):
        wrong.append(f"found {sorted(codes)}, reading found {sorted(outcome.findings)}")
    if chosen[0].slice_count != outcome.slices:
        wrong.append(f"{chosen[0].slice_count} slices, reading gave {outcome.slices}")
    return wrong


@cache
def plain_bone() -> BoolArray:
    """The bone of the plain case, as read, on the common grid."""
    with TemporaryDirectory() as folder:
        CASES["plain"].write(Path(folder))
        volume = read_scan(folder).volume
    return resampled_bone(volume.voxels, volume.affine)


def complaints(outcome: Outcome, expected: Expected, findings: Iterable[str]) -> list[str]:
    """In what the outcome is not as expected; `findings` are the codes that must be reported."""
    texts = (outcome.message, *outcome.texts)
    named = [word for text in texts for word in names_in(text)]
    wrong = [f"names the patient: {word}" for word in named]
    wrong += [f"is more than one line: {text!r}" for text in texts if "\n" in text]
    if isinstance(expected, Refused):
        return wrong + _refusal_complaints(outcome, expected)
    return wrong + _scan_complaints(outcome, expected, tuple(findings))


def _refusal_complaints(outcome: Outcome, expected: Refused) -> list[str]:
    if outcome.difference is not None:
        return [f"was read, expected a refusal with {expected.code}"]
    if outcome.code != expected.code:
        return [f"refused with {outcome.code!r} ({outcome.message}), expected {expected.code}"]
    return [] if outcome.message else ["refused without a message"]


def _scan_complaints(outcome: Outcome, expected: Same, findings: tuple[str, ...]) -> list[str]:
    if outcome.difference is None:
        return [f"refused with {outcome.code!r}: {outcome.message}"]
    wrong = [f"{code} is not reported" for code in findings if code not in outcome.findings]
    if expected.slices not in (None, outcome.slices):
        wrong.append(f"{outcome.slices} slices, expected {expected.slices}")
    if outcome.difference.dice < LEAST_DICE:
        wrong.append(f"Dice {outcome.difference.dice:.4f}, expected at least {LEAST_DICE}")
    if not outcome.difference.landmark_mm <= LARGEST_LANDMARK_MM:  # NaN is wrong too
        wrong.append(f"a landmark is off by {outcome.difference.landmark_mm:.3f} mm")
    return wrong
