"""Volumes and areas as text: one rule for pages, flags and tables."""

from __future__ import annotations

LARGE = 1000.0
"""From this number of mm³ or mm² on, text gives cm³ and cm²."""


def volume_text(mm3: float, spacing_known: bool = True) -> str:
    """A volume as text: "77 mm³", "1,666.1 cm³"; in voxels if the spacing is unknown.

    With an unknown spacing, `mm3` is the number of voxels.
    """
    if not spacing_known:
        return counted(round(mm3), "voxel")
    # A volume that would be rounded to 1,000 mm³ is shown as 1.0 cm³.
    return f"{mm3 / 1000:,.1f} cm³" if round(mm3) >= LARGE else f"{mm3:,.0f} mm³"


def area_text(mm2: float, spacing_known: bool = True) -> str:
    """An area as text: "256 mm²", "405.6 cm²"; in pixels if the spacing is unknown."""
    if not spacing_known:
        return counted(round(mm2), "pixel")
    return f"{mm2 / 100:,.1f} cm²" if round(mm2) >= LARGE else f"{mm2:,.0f} mm²"


def counted(number: int, noun: str) -> str:
    """A number with its noun: "1 piece", "1,200 pieces"."""
    return f"{number:,} {noun}{'' if number == 1 else 's'}"
