"""Standard projections of a measured leg: from which side, which bones, which lines."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

from afunet.anatomy.bones import Bone, Side
from afunet.landmarks.results import FloatArray, Found
from afunet.report.surfaces.view import View

Leg = Mapping[Bone, Found]
Ends = tuple[FloatArray, FloatArray]


@dataclass(frozen=True)
class DrawnLine:
    """A line between two points of bones, in the colour of its number in the legend."""

    title: str
    ends: Callable[[Leg], Ends]
    beyond: float = 0.0
    """By which share of its length it goes on at both ends."""


@dataclass(frozen=True)
class Projection:
    """A picture: its title, the view that the axes of a bone give, the bones and the lines."""

    title: str
    seen_in: Bone
    view: Callable[[Found, Side], View]
    bones: tuple[Bone, ...]
    lines: tuple[DrawnLine, ...]

    def shown(self, leg: Leg) -> Iterator[tuple[int, str, Ends]]:
        """Yield number, title and ends of each line whose landmarks were found."""
        for number, line in enumerate(self.lines):
            try:
                start, end = line.ends(leg)
            except KeyError:
                continue
            more = line.beyond * (end - start)
            yield number, line.title, (start - more, end + more)


def _axes(found: Found) -> tuple[FloatArray, FloatArray, FloatArray]:
    names = ("lateral", "posterior", "mechanical axis")
    lateral, posterior, proximal = (found.axes[name].direction for name in names)
    return lateral, posterior, proximal


def _frontal(found: Found, side: Side) -> View:
    lateral, _, proximal = _axes(found)
    return View("from the front", lateral if side is Side.LEFT else -lateral, proximal)


def _sagittal(found: Found, side: Side) -> View:
    _, posterior, proximal = _axes(found)
    return View("from outside", posterior if side is Side.LEFT else -posterior, proximal)


def _axial(found: Found, side: Side) -> View:
    lateral, posterior, _ = _axes(found)
    return View("from below", lateral if side is Side.LEFT else -lateral, -posterior)


def _marks(first: tuple[Bone, str], second: tuple[Bone, str]) -> Callable[[Leg], Ends]:
    def ends(leg: Leg) -> Ends:
        return leg[first[0]].landmarks[first[1]], leg[second[0]].landmarks[second[1]]

    return ends


def _knee(leg: Leg) -> Ends:
    tibia = leg[Bone.TIBIA]
    return tibia.axes["mechanical axis"].point_mm, tibia.landmarks["Plafond Centre"]


F, T, P = Bone.FEMUR, Bone.TIBIA, Bone.PATELLA
HIP, NOTCH = (F, "Femoral Head Centre"), (F, "Intercondylar Notch (ICN)")
ANKLE, TUBEROSITY = (T, "Plafond Centre"), (T, "Tibial Tuberosity")
LOWER, UPPER = (P, "Lower Patellar Pole"), (P, "Upper Patellar Pole")
_LONG = (
    DrawnLine("mechanical axis of the femur", _marks(HIP, NOTCH)),
    DrawnLine("mechanical axis of the tibia", _knee),
)
PROJECTIONS = (
    Projection(
        "the leg from the front of the femur",
        F,
        _frontal,
        (F, T, Bone.FIBULA),
        (
            *_LONG,
            DrawnLine("head's centre to plafond centre", _marks(HIP, ANKLE)),
            DrawnLine(
                "distal condylar line",
                _marks((F, "Distal Medial Condyle (DMC)"), (F, "Distal Lateral Condyle (DLC)")),
                0.6,
            ),
            DrawnLine(
                "plateau line",
                _marks((T, "Medial Plateau Centre"), (T, "Lateral Plateau Centre")),
                0.6,
            ),
        ),
    ),
    Projection(
        "the shank from the outer side",
        T,
        _sagittal,
        (T, Bone.FIBULA, P),
        (
            _LONG[1],
            DrawnLine("patella between its poles", _marks(LOWER, UPPER)),
            DrawnLine("lower pole to tuberosity", _marks(LOWER, TUBEROSITY)),
        ),
    ),
    Projection(
        "the femur from below, along its mechanical axis",
        F,
        _axial,
        (F,),
        (
            DrawnLine(
                "posterior condylar line",
                _marks(
                    (F, "Posterior Medial Condyle (PMC)"), (F, "Posterior Lateral Condyle (PLC)")
                ),
                0.3,
            ),
            DrawnLine("neck axis", _marks(HIP, (F, "Neck Isthmus Centre")), 0.8),
            DrawnLine(
                "epicondylar line",
                _marks((F, "Medial Epicondyle (MEC)"), (F, "Lateral Epicondyle (LEC)")),
            ),
        ),
    ),
    Projection(
        "the shank from below, along the mechanical axis of the tibia",
        T,
        _axial,
        (T, Bone.FIBULA),
        (
            DrawnLine(
                "posterior condylar line",
                _marks(
                    (T, "Posterior Medial Tibial Condyle"), (T, "Posterior Lateral Tibial Condyle")
                ),
                0.5,
            ),
            DrawnLine(
                "malleolar line",
                _marks((T, "Medial Malleolus (MM)"), (Bone.FIBULA, "Lateral Malleolus (LM)")),
            ),
            DrawnLine(
                "plafond centre to fibula",
                _marks(ANKLE, (Bone.FIBULA, "Fibular Section at the Plafond")),
            ),
        ),
    ),
)


def view_of(projection: Projection, leg: Leg, side: Side) -> View | None:
    """The view, or None if the bone that gives its directions does not show them."""
    found = leg.get(projection.seen_in)
    if found is None or "mechanical axis" not in found.axes:
        return None
    return projection.view(found, side)
