"""Segments of a label map as 3D Slicer describes them: name, colour, codes, and text forms.

https://slicer.readthedocs.io/en/latest/developer_guide/modules/segmentations.html
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

TERMINOLOGY = "Segmentation category and type - DICOM master list"
ANATOMIC = "Anatomic codes - DICOM master list"
ENTRY, TAGS = "TerminologyEntry", "Tags"


@dataclass(frozen=True)
class Code:
    """A code of DICOM's terminology: its scheme, such as SCT, its value and its meaning."""

    scheme: str
    value: str
    meaning: str

    def __str__(self) -> str:
        return "^".join((self.scheme, self.value, self.meaning))

    @classmethod
    def of(cls, text: str) -> Code | None:
        """The code of a text such as "SCT^71341001^Femur", None without one."""
        parts = text.split("^")
        return cls(*parts) if len(parts) == 3 and all(parts) else None


STRUCTURE = Code("SCT", "123037004", "Anatomical Structure")  # PS3.16 CID 7150
LEFT = Code("SCT", "7771000", "Left")  # PS3.16 CID 244
RIGHT = Code("SCT", "24028007", "Right")


@dataclass(frozen=True)
class Segment:
    """One structure of a label map: its label, its name, what it is, its side and its colour.

    `colour` is red, green and blue (0–255); `kind` and `side` are None if nothing is known.
    """

    label: int
    name: str
    kind: Code | None = None
    side: Code | None = None
    colour: tuple[int, int, int] = (172, 21, 211)

    @property
    def tags(self) -> str:
        """Slicer's tags: the status and, with a `kind`, the terminology."""
        told = ["Segmentation.Status:completed"]
        if self.kind is not None:
            parts = (TERMINOLOGY, STRUCTURE, self.kind, self.side or "^^", ANATOMIC, "^^", "^^")
            told.append(f"{ENTRY}:{'~'.join(map(str, parts))}")
        return "".join(f"{tag}|" for tag in told)


def codes_of(tags: str) -> tuple[Code | None, Code | None]:
    """The kind and the side that Slicer's tags name; the side may stand at the anatomic region."""
    found: Mapping[str, str] = dict(tag.split(":", 1) for tag in tags.split("|") if ":" in tag)
    parts = [*found.get(ENTRY, "").split("~"), *[""] * 7]
    region, region_side = Code.of(parts[5]), Code.of(parts[6])
    kind, side = Code.of(parts[2]), Code.of(parts[3])
    return (region, region_side) if region is not None else (kind, side)


def colour_of_text(text: str) -> tuple[int, int, int] | None:
    """Red, green and blue (0–255) of Slicer's "0.5 0.25 1", None for anything else."""
    try:
        red, green, blue = (round(255 * min(max(float(word), 0.0), 1.0)) for word in text.split())
    except ValueError:
        return None
    return red, green, blue
