"""Drawing the surroundings of a leg (table, cast, clothes) and the scanner."""

from __future__ import annotations

from afunet.phantom.config import Cast, Scanner, Surroundings, TableKind
from afunet.phantom.shapes.arrays import Rng

PLASTER, SHARP = 0.6, 0.45
"""Share of plaster among the casts, and share of scans with a sharp kernel."""


def draw_surroundings(sides: tuple[str, ...], trunk: bool, rng: Rng) -> Surroundings:
    """Table, cast, cloth and loose objects; no cast on the trunk."""
    cast = None if trunk or rng.random() < 0.66 else _cast(sides, rng)
    return Surroundings(
        table=TableKind(rng.choice(list(TableKind), p=[0.15, 0.3, 0.25, 0.1, 0.2])),
        table_hu=rng.uniform(-200, 700),
        table_gap_mm=rng.uniform(2, 60),
        curvature_per_mm=rng.uniform(-0.0003, 0.0035),
        shell_mm=rng.uniform(0.8, 3.5),
        foam_hu=rng.uniform(-995, -880),
        cast=cast,
        sheets=int(rng.choice([0, 0, 1, 2])),
        objects=int(rng.choice([0, 0, 0, 1, 3])),
        zips=int(rng.choice([0, 1, 2], p=[0.85, 0.1, 0.05])),
    )


def _cast(sides: tuple[str, ...], rng: Rng) -> Cast:
    """Thick plaster close to the skin, or a thin or broken plastic shell, equally often."""
    side = None if len(sides) == 1 else str(rng.choice(sides))
    padding = rng.uniform(-990, -780) if rng.random() < 0.7 else rng.uniform(-500, 120)
    if rng.random() < PLASTER:
        thickness = rng.uniform(4, 15)
        gap = 0.0 if rng.random() < 0.25 else rng.uniform(0, 6)
        return Cast(
            hu=rng.uniform(250, 950),
            gap_mm=gap + thickness / 2,
            thickness_mm=thickness,
            arc=1.0 if side else float(rng.choice([1.0, 1.0, 0.6, 0.4])),
            padding_hu=padding,
            grain=rng.uniform(0.0, 0.12),
            unevenness=rng.uniform(0, 0.25),
            side=side,
        )
    return Cast(
        hu=rng.uniform(100, 900),
        gap_mm=rng.uniform(2, 14),
        thickness_mm=rng.uniform(1.5, 7),
        arc=1.0 if side else float(rng.choice([1.0, 0.55, 0.4])),
        dashes=int(rng.choice([0, 0, 14, 26])),
        padding_hu=padding,
        side=side,
    )


def draw_scanner(rng: Rng) -> Scanner:
    """A sharp and noisy kernel or a soft and smooth one, with thin to thick slices."""
    sharp = rng.random() < SHARP
    return Scanner(
        thickness_mm=float(rng.choice([0.6, 1.0, 1.25, 2.0, 3.0, 5.0])),
        psf_mm=rng.uniform(0.45, 0.8) if sharp else rng.uniform(0.7, 1.3),
        sharpness=rng.uniform(0.3, 1.2) if sharp else rng.uniform(0, 0.3),
        noise_hu=rng.uniform(15, 45) if sharp else rng.uniform(5, 24),
        grain_mm=rng.uniform(0.4, 0.8) if sharp else rng.uniform(0.7, 1.6),
        shading_hu=rng.uniform(0, 8),
        streaks=rng.uniform(0.3, 1.6),
        round_field=bool(rng.random() < 0.2),
    )
