"""What an archive offers: its series, and how it is asked for them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date
from typing import Protocol

from pydicom.dataset import Dataset

COUNT = "NumberOfSeriesRelatedInstances"
ASKED = ("SeriesInstanceUID", "Modality", "SeriesDescription", COUNT)
NOT_ALL_SENT, NO_ANSWER = "NOT_ALL_SENT", "NO_ANSWER"
Beat = Callable[[], None]


@dataclass(frozen=True)
class Offer:
    """A series that an archive has. `images` is how many it says that there are, 0 for unknown."""

    study: str
    series: str
    modality: str
    description: str
    images: int

    @classmethod
    def of(cls, study: str, answer: Dataset) -> Offer:
        """Read an answer to a query at the level of series."""
        uid, modality, description = (str(answer.get(name) or "").strip() for name in ASKED[:3])
        return cls(study, uid, modality, description, int(answer.get(COUNT) or 0))


class Archive(Protocol):
    """A peer that can be asked what it has. Raises `InputError` if it does not answer."""

    def studies(self, first: date, last: date) -> list[str]:
        """Return the UIDs of the studies of these days."""
        ...

    def series(self, study: str, uid: str = "") -> list[Offer]:
        """Return the series of a study, or the one with this UID."""
        ...

    def fetch(self, offer: Offer) -> str:
        """Bring a series here; return "" if all its images came, or a code."""
        ...


def days(first: date, last: date) -> str:
    """Return a range of dates as a query has it (PS3.4 C.2.2.2.5)."""
    return f"{first:%Y%m%d}-{last:%Y%m%d}"
