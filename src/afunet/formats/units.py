"""Units of length as file headers write them."""

from __future__ import annotations

from afunet.errors import InputError
from afunet.findings import Finding, info

MILLIMETRES = {
    "mm": 1.0,
    "millimeter": 1.0,
    "millimetre": 1.0,
    "cm": 10.0,
    "centimeter": 10.0,
    "centimetre": 10.0,
    "dm": 100.0,
    "m": 1000.0,
    "meter": 1000.0,
    "metre": 1000.0,
    "um": 1e-3,
    "µm": 1e-3,
    "μm": 1e-3,
    "micron": 1e-3,
    "micrometer": 1e-3,
    "micrometre": 1e-3,
    "nm": 1e-6,
    "nanometer": 1e-6,
    "nanometre": 1e-6,
    "in": 25.4,
    "inch": 25.4,
}
UNSAID = frozenset({"", "?", "???", "unknown", "none"})


def millimetres_of(unit: str) -> float:
    """Millimetres in one of a unit; 1 where none is said. `InputError` for an unknown word."""
    word = unit.strip().strip('"').strip().lower()
    if word in UNSAID:
        return 1.0
    plain = word if word in MILLIMETRES else word.rstrip("s")
    if plain not in MILLIMETRES:
        raise InputError(
            f"the file's unit of length is {unit.strip()[:20]!r}, expected mm, cm, m or um: write "
            "the volume in mm",
            code="BAD_UNIT",
        )
    return MILLIMETRES[plain]


def unit_finding(units: set[str]) -> tuple[Finding, ...]:
    """A note that lengths were turned into millimetres, where any unit is another."""
    others = sorted(unit for unit in units if millimetres_of(unit) != 1.0)
    if not others:
        return ()
    named = ", ".join(unit.strip().strip('"') for unit in others)
    return (info("UNIT_CONVERTED", f"the file measures in {named}", "turned into mm"),)
