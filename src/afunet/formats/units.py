"""Units of length as file headers write them."""

from __future__ import annotations

from afunet.errors import InputError
from afunet.findings import Finding, info

_WORDS = {
    1e-6: "nm nanometer nanometre",
    1e-3: "um µm μm micron micrometer micrometre",
    1.0: "mm millimeter millimetre",
    10.0: "cm centimeter centimetre",
    25.4: "in inch",
    100.0: "dm",
    1000.0: "m meter metre",
}
MILLIMETRES = {word: length for length, words in _WORDS.items() for word in words.split()}
UNSAID = frozenset({"", "?", "???", "unknown", "none"})


def millimetres_of(unit: str) -> float:
    """The millimetres in one unit, 1 if none is stated; `InputError` for an unknown unit."""
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
    """A finding that lengths were converted to millimetres, if any unit is another."""
    others = sorted(unit for unit in units if millimetres_of(unit) != 1.0)
    if not others:
        return ()
    named = ", ".join(unit.strip().strip('"') for unit in others)
    return (info("UNIT_CONVERTED", f"the file gives lengths in {named}", "converted to mm"),)
