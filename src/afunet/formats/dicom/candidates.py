"""Rate the series of a folder in points."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from afunet.errors import AfunetError, InputError
from afunet.findings import Severity
from afunet.formats.dicom.bone_values import without_bone
from afunet.formats.dicom.gate import Stack, arrange
from afunet.formats.dicom.series import Series, unfitness

# Points of a perfect series: 100 together.
ORIGINAL, COVERAGE, SPACING, PLANE, GEOMETRY = 35, 30, 20, 5, 10
FINE_MM = 1.0
# Why another series is better, by the points in which it leads most.
LEADS = {
    "original": "another series is original",
    "coverage": "another series covers more of the body",
    "spacing": "another series has finer slices",
    "plane": "another series is axial or closer to axial",
    "geometry": "another series needs fewer corrections",
}


@dataclass(frozen=True)
class Score:
    """Points of a readable series, each from 0 to its maximum above; more is better."""

    original: float
    coverage: float
    spacing: float
    plane: float
    geometry: float

    @property
    def total(self) -> float:
        """The sum; the series with the highest sum is read."""
        return self.original + self.coverage + self.spacing + self.plane + self.geometry

    @property
    def in_words(self) -> str:
        """The points and what they are for."""
        return (
            f"{self.total:.0f} of 100: original {self.original:.0f} of {ORIGINAL}, "
            f"coverage {self.coverage:.0f} of {COVERAGE}, slice spacing {self.spacing:.0f} of "
            f"{SPACING}, plane {self.plane:.0f} of {PLANE}, geometry {self.geometry:.0f} of "
            f"{GEOMETRY}"
        )

    def lead_over(self, other: Score) -> str:
        """Return why this series is better: the points in which it leads most."""
        ours, theirs = vars(self), vars(other)
        return LEADS[max(ours, key=lambda name: ours[name] - theirs[name])]


@dataclass(frozen=True, eq=False)
class Candidate:
    """A series with its stack and score, or with the reason why it cannot be read."""

    series: Series
    stack: Stack | None = None
    score: Score | None = None
    refusal: AfunetError | None = None

    @property
    def coverage_mm(self) -> float:
        """Extent along the normal, one spacing per slice; 0 if unknown."""
        return 0.0 if self.stack is None else self.stack.spacing_mm[2] * self.stack.shape[0]

    @property
    def rank(self) -> tuple[float, float]:
        """Sort key, more is better: the score, then thinner slices."""
        thickness_mm = self.series.first.slice_thickness_mm
        return (self.score.total if self.score else 0.0, -(thickness_mm or np.inf))


def weighed(found: Sequence[Series]) -> tuple[Candidate, ...]:
    """All series as candidates; those that can be read and show bone have a score."""
    candidates = _with_bone(tuple(_candidate(series) for series in found))
    longest_mm = max((one.coverage_mm for one in candidates), default=0.0)
    return tuple(_scored(one, longest_mm) for one in candidates)


def _candidate(series: Series) -> Candidate:
    if unfitness(series) is not None:
        return Candidate(series)
    try:
        return Candidate(series, arrange(series))
    except AfunetError as refusal:
        return Candidate(series, refusal=refusal)


def _with_bone(candidates: tuple[Candidate, ...]) -> tuple[Candidate, ...]:
    """The candidates, with a refusal for those that lack the bones that another one shows."""
    stacks = [one.stack for one in candidates if one.stack is not None]
    lacking = {id(stack) for stack, bare in zip(stacks, without_bone(stacks), strict=True) if bare}
    refusal = InputError(
        "the series shows no bone although another one does: its bones were removed; choose the "
        "other series",
        code="BONES_REMOVED",
    )
    return tuple(
        Candidate(one.series, refusal=refusal) if id(one.stack) in lacking else one
        for one in candidates
    )


def _scored(one: Candidate, longest_mm: float) -> Candidate:
    if one.stack is None:
        return one
    warnings = sum(finding.severity is Severity.WARNING for finding in one.stack.findings)
    original = float(ORIGINAL) if one.series.is_original else 0.0
    plane = {"axial": 1.0, "oblique": 0.6}.get(one.series.plane, 0.2)
    return replace(
        one,
        score=Score(
            original=original,
            coverage=COVERAGE * one.coverage_mm / longest_mm,
            spacing=SPACING * min(1.0, FINE_MM / float(np.max(one.stack.spacing_mm))),
            plane=PLANE * plane,
            geometry=max(0.0, GEOMETRY * (1 - 0.5 * warnings)),
        ),
    )
