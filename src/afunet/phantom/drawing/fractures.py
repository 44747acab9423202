"""Drawing fractures: patterns that the view shows, then their surfaces, gaps and pieces."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from afunet.phantom.config import Fracture, FracturePattern, Wound
from afunet.phantom.drawing.regions import Region
from afunet.phantom.shapes.arrays import Rng

_P = FracturePattern


@dataclass(frozen=True)
class Place:
    """A bone's patterns, and the heights in its own frame between which they lie (adult, mm)."""

    bone: str
    low_mm: float
    high_mm: float
    patterns: tuple[FracturePattern, ...]
    share: float = 1.0


_SHAFT = (_P.TRANSVERSE, _P.OBLIQUE, _P.SPIRAL, _P.BUTTERFLY)
_ANY = (_P.RANDOM, _P.CRACK)
_PLATEAU = (
    _P.PLATEAU_SPLIT,
    _P.PLATEAU_SPLIT_DEPRESSION,
    _P.PLATEAU_DEPRESSION,
    _P.PLATEAU_MEDIAL,
    _P.PLATEAU_BICONDYLAR,
    _P.PLATEAU_SHAFT,
)
PLACES: dict[Region, tuple[Place, ...]] = {
    Region.ANKLE: (
        Place("tibia", -330, -290, (_P.PILON, _P.POSTERIOR_MALLEOLUS)),
        Place("tibia", -340, -320, (_P.MEDIAL_MALLEOLUS,), 0.5),
        Place("fibula", -345, -275, (_P.LATERAL_MALLEOLUS,)),
        Place("tibia", -335, -275, _ANY, 0.5),
    ),
    Region.SHANK: (
        Place("tibia", -300, -70, _SHAFT),
        Place("fibula", -320, -60, _SHAFT),
        Place("tibia", -300, -70, _ANY, 0.5),
    ),
    Region.KNEE: (
        Place("tibia", -40, -5, _PLATEAU, 2.0),
        Place("tibia", -60, -5, _ANY, 0.5),
        Place("tibia", -110, -50, _SHAFT, 0.3),
        Place("fibula", -80, -30, _SHAFT, 0.2),
        Place("femur", 5, 60, (_P.INTERCONDYLAR, _P.CONDYLE, _P.HOFFA)),
        Place("femur", 45, 75, (_P.SUPRACONDYLAR,), 0.4),
        Place("femur", 10, 60, _ANY, 0.4),
        Place("patella", 15, 50, (_P.PATELLA_TRANSVERSE, _P.PATELLA_STELLATE), 0.8),
        Place("patella", 20, 50, _ANY, 0.2),
    ),
    Region.THIGH: (Place("femur", 60, 340, _SHAFT, 3.0), Place("femur", 60, 340, _ANY)),
    Region.HIP: (
        Place("femur", 390, 425, (_P.FEMORAL_NECK,)),
        Place("femur", 350, 400, (_P.TROCHANTERIC,)),
        Place("femur", 330, 365, _SHAFT, 0.3),
        Place("femur", 340, 420, _ANY, 0.5),
        Place("pelvis", 385, 450, (_P.ANTERIOR_COLUMN, _P.POSTERIOR_COLUMN), 0.8),
        Place("pelvis", 395, 425, (_P.ACETABULUM_TRANSVERSE,), 0.4),
        Place("pelvis", 365, 395, (_P.RAMI,), 0.4),
        Place("pelvis", 470, 530, (_P.ILIAC_WING,), 0.4),
        Place("pelvis", 430, 500, (_P.SACRAL_ALA,), 0.4),
    ),
}
"""Where the bones of a region break. Shares are by eye, heights those of the mean LLP26 limb."""
_DRIVEN_TOGETHER = (
    *_PLATEAU,
    _P.PILON,
    _P.FEMORAL_NECK,
    _P.TROCHANTERIC,
    _P.SUPRACONDYLAR,
    _P.RANDOM,
)
_DEPRESSED = (_P.PLATEAU_DEPRESSION, _P.PLATEAU_SPLIT_DEPRESSION)
# Probabilities: surfaces without any gap, pieces driven together, many pieces, no displacement, a
# fibula that breaks with its tibia.
_TOUCHING, _IMPACTED, _COMMINUTED, _RESTING, _BOTH = 0.3, 0.3, 0.25, 0.3, 0.35
_WIDEST_MM, _FURTHEST_MM = 3.0, 7.0


def draw_fractures(
    region: Region, side: str, scale: float, low_mm: float, high_mm: float, rng: Rng
) -> Iterator[Fracture]:
    """A broken bone of a side, in shank and ankle sometimes two; none if none breaks in view.

    The view lies between two heights; `scale` is the leg's size relative to an adult's.
    """
    places = [
        (place, low, high)
        for place in PLACES[region]
        for low, high in [(max(place.low_mm * scale, low_mm), min(place.high_mm * scale, high_mm))]
        if low < high
    ]
    if not places:
        return
    shares = [place.share for place, _, _ in places]
    total = sum(shares)
    chosen = int(rng.choice(len(places), p=[share / total for share in shares]))
    yield _at(*places[chosen], side, rng)
    others = [one for one in places if one[0].bone != places[chosen][0].bone]
    if region in (Region.SHANK, Region.ANKLE) and others and rng.random() < _BOTH:
        yield _at(*others[int(rng.integers(len(others)))], side, rng)


def draw_fracture(bone: str, pattern: FracturePattern, centre_mm: float, rng: Rng) -> Fracture:
    """A fracture of a pattern with random surfaces, gaps, pieces and displacement."""
    impacted = pattern in _DRIVEN_TOGETHER and rng.random() < _IMPACTED
    touching = rng.random() < _TOUCHING
    resting = rng.random() < _RESTING
    dense = impacted or pattern in _DEPRESSED
    return Fracture(
        bone=bone,
        centre_mm=centre_mm,
        pieces=int(rng.integers(5, 13)) if rng.random() < _COMMINUTED else 2,
        chips=int(rng.integers(0, 4)),
        displacement_mm=0.0 if resting else 0.3 + _FURTHEST_MM * rng.random() ** 1.5,
        tilt_deg=0.0 if resting else rng.uniform(0, 8),
        gap_mm=0.0 if touching else 0.2 + _WIDEST_MM * rng.random() ** 1.5,
        roughness_mm=rng.uniform(0.25, 1.3),
        seed=int(rng.integers(1 << 30)),
        pattern=pattern,
        closed=rng.uniform(0, 0.8),
        impaction_mm=rng.uniform(0.8, 3.5) if impacted else 0.0,
        cracks=int(rng.choice([0, 0, 0, 1, 2, 3])),
        wound=Wound(
            blood_hu=rng.uniform(30, 80),
            beside_hu=rng.uniform(80, 300) if dense else rng.uniform(-70, 15),
            band_mm=rng.uniform(1.5, 4) if dense else rng.uniform(0.8, 2.5),
        ),
    )


def _at(place: Place, low: float, high: float, side: str, rng: Rng) -> Fracture:
    bone = place.bone if place.bone == "pelvis" else f"{place.bone} {side}"
    pattern = place.patterns[int(rng.integers(len(place.patterns)))]
    return draw_fracture(bone, pattern, rng.uniform(low, high), rng)
