"""How a bone is to break: the random choices, as plain numbers.

Positions are in the bone's frame: mm along (slice, row, column) from the centre of the first voxel
of the bone's volume.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

Vector = tuple[float, float, float]


class SurfaceKind(Enum):
    """The smooth shape beneath a rough surface."""

    SHEET = "sheet"
    SPIRAL = "spiral"
    BALL = "ball"


@dataclass(frozen=True)
class Fold:
    """A kink in a sheet: heights rise by `slope` on both sides of a straight line.

    The line is where u cos(angle) + v sin(angle) = offset.
    """

    angle_rad: float
    offset_mm: float
    slope: float


@dataclass(frozen=True)
class Surface:
    """A rough surface through `centre_mm`.

    A sheet stands across `normal` (unit length) and is bent by `bend_per_mm` (curvatures along its
    two axes) and folded. A spiral winds once around `normal` and climbs `size_mm`. A ball has the
    radius `size_mm`. Heights above the smooth shape are self-affine: standard deviation
    `rough_mm`, Hurst exponent `hurst`.
    """

    kind: SurfaceKind
    centre_mm: Vector
    normal: Vector
    seed: int
    rough_mm: float
    hurst: float = 0.8
    bend_per_mm: tuple[float, float] = (0.0, 0.0)
    folds: tuple[Fold, ...] = ()
    size_mm: float = 0.0


@dataclass(frozen=True)
class Line:
    """What a cut does to the bone beside it.

    `kerf_mm` is the mean width of bone that is lost along the cut, `kerf_spread_mm` its standard
    deviation over the surface; near the outside of the bone (the cortex) it is wider by up to
    `rim_mm`. `hu` is added at the cut and fades over `fade_mm` (one standard deviation) on either
    side; over the surface it varies by `hu_spread` of itself.
    """

    kerf_mm: float = 0.0
    kerf_spread_mm: float = 0.0
    rim_mm: float = 0.0
    hu: float = 0.0
    fade_mm: float = 0.7
    hu_spread: float = 0.0


@dataclass(frozen=True)
class Cut:
    """A surface that divides one cell of the bone; the others are whole there.

    The bone begins as cell 0. The positive side of cut number i (from 0) becomes cell i + 1, the
    negative side keeps the number `cell`. A later cut ends at an earlier one: T and Y.
    """

    surface: Surface
    cell: int = 0
    line: Line = Line()


@dataclass(frozen=True)
class Motion:
    """How a fragment moves against the larger one that it touches most.

    `apart_mm` is along the mean normal of their contact, away from it (below 0: driven in);
    `slide_mm` across it, along two fixed directions; `turn_deg` is a rotation vector about the
    middle of the contact.
    """

    apart_mm: float = 0.0
    slide_mm: tuple[float, float] = (0.0, 0.0)
    turn_deg: Vector = (0.0, 0.0, 0.0)


@dataclass(frozen=True)
class Crack:
    """An incomplete fracture line: a surface that ends inside the bone.

    It exists where (point - `end_mm`)·`onward` < 0, is `width_mm` wide and tapers to nothing over
    `taper_mm` before its end, and reaches no further than `reach_mm` from the surface's centre.
    """

    surface: Surface
    end_mm: Vector
    onward: Vector
    width_mm: float
    taper_mm: float
    reach_mm: float


@dataclass(frozen=True)
class Band:
    """A denser (or lighter) band that is no fracture: a growth plate's scar, sclerosis."""

    surface: Surface
    hu: float
    width_mm: float
    reach_mm: float


@dataclass(frozen=True)
class Channel:
    """A vessel's channel along a line of points, with a denser wall."""

    course_mm: tuple[Vector, ...]
    radius_mm: float
    hu: float
    wall_hu: float


@dataclass(frozen=True)
class Rescan:
    """The grid and the picture of the broken bone's scan.

    `spacing_mm` is along (slice, row, column); `blur_mm` the standard deviation of the point spread
    in the plane, to which thick slices add their average; `order` of the interpolation, 1 to 3.
    """

    spacing_mm: Vector
    blur_mm: float = 0.0
    noise_hu: float = 0.0
    grain_mm: float = 0.7
    order: int = 1


@dataclass(frozen=True)
class Break:
    """All choices; `broken` applies them. `motions` serve the second largest fragment onward.

    `gap_hu` fills what opens. `crush` is the share of the driven-in bone's HU that adds up where
    fragments overlap. A gap narrower than `painted_mm` belongs to the nearest fragment, as experts
    label a thin line; wider, it is outside. Networks paint over wider ones.
    """

    rescan: Rescan
    cuts: tuple[Cut, ...] = ()
    motions: tuple[Motion, ...] = ()
    cracks: tuple[Crack, ...] = ()
    bands: tuple[Band, ...] = ()
    channels: tuple[Channel, ...] = ()
    gap_hu: float = 45.0
    crush: float = 0.5
    painted_mm: float = 1.0
    seed: int = 0
