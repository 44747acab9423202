"""HU outside the body: air, table, cast, sheets and loose metal. None of it is labelled."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from afunet.phantom.config import Cast, Surroundings, TableKind
from afunet.phantom.shapes.arrays import BoolArray, Float32Array, Points, Rng
from afunet.phantom.shapes.blend import mix, step
from afunet.phantom.shapes.noise import Textures
from afunet.phantom.shapes.streams import Stream

AIR_HU = -1000.0
# Tables: half-width, a tray's depth and the extra curvature of its lower side, the distance of two
# shells and how much narrower the lower one is. By eye from scans with a table.
_HALF_WIDTH_MM, _TRAY_HALF_WIDTH_MM, _TRAY_DEPTH_MM, _TRAY_DEEPEST_MM = 260.0, 230.0, 55.0, 60
_BELLY, _SHELLS_APART_MM, _NARROWER_MM = 2.2, 14.0, 25
# Cloth: largest distance from the skin, its folds, and its pieces.
_CLOTH_REACH_MM, _FOLD_MM, _CLOTH_PIECE_MM = 40, (60.0, 60.0, 150.0), (150.0, 150.0, 300.0)
# Casts: wavelengths of gap and thickness, grain of plaster and padding, the share of a dash.
_CAST_WAVE_MM, _UNEVEN_MM, _PLASTER_GRAIN_MM = (50.0, 50.0, 80.0), 110.0, 4.0
_PADDING_GRAIN_HU, _DASH = 40, 0.78
_OBJECT_HALF_MM, _OFF_SKIN_MM = 80, 3
_TOOTH = 0.6
"""Share of a zip's length that is metal."""


@dataclass(frozen=True, eq=False)
class Outside:
    """LPS points (..., 3), their distance to the skin (...), pixel size, and positions.

    `table_y_mm` is the y position of the table's top, `middle_x_mm` the middle between the limbs.
    """

    points: Points
    skin_mm: Float32Array
    table_y_mm: float
    middle_x_mm: float
    pixel_mm: float
    textures: Textures

    def of_table(self) -> tuple[Points, Points]:
        """Distances of the points to the left of the table's middle and below its top."""
        x = self.points[..., 0] - np.float32(self.middle_x_mm)
        return x, self.points[..., 1] - np.float32(self.table_y_mm)

    def painted(
        self, hu: Float32Array, value_hu: Float32Array | float, distance: Points, where: BoolArray
    ) -> Float32Array:
        """HU with an object of this value and signed distance (...) painted in, only `where`."""
        share = step(-distance, self.pixel_mm) * where
        return mix(hu, value_hu, np.asarray(share))


def surroundings_hu(outside: Outside, things: Surroundings, seed: int) -> Float32Array:
    """HU (...) at the points without the body."""
    hu = np.full(outside.points.shape[:-1], AIR_HU, dtype=np.float32)
    hu = _with_table(hu, outside, things)
    rng = Stream.SURROUNDINGS.of(seed)
    for _ in range(things.sheets):
        hu = _with_sheet(hu, outside, rng)
    if things.cast is not None:
        hu = _with_cast(hu, outside, things.cast)
    for _ in range(things.objects):
        hu = _with_object(hu, outside, rng)
    for _ in range(things.zips):
        hu = _with_zip(hu, outside, rng)
    return hu


def _with_table(hu: Float32Array, outside: Outside, things: Surroundings) -> Float32Array:
    kind, half_mm = things.table, things.shell_mm / 2
    if kind is TableKind.NONE:
        return hu
    x, y = outside.of_table()
    bend = 0.0 if kind is TableKind.FLAT else things.curvature_per_mm
    half_width = _HALF_WIDTH_MM if kind is not TableKind.TRAY else _TRAY_HALF_WIDTH_MM
    slope = np.sqrt(1 + (2 * bend * x) ** 2)
    top = (y + bend * x**2) / slope
    within = np.abs(x) < half_width
    if kind in (TableKind.TRAY, TableKind.FLAT):
        lower = (y - _TRAY_DEPTH_MM + _BELLY * bend * x**2) / slope
        foam = within & (top > things.shell_mm) & (lower < -things.shell_mm)
        hu = np.where(foam, np.float32(things.foam_hu), hu)
        reach = within & (lower > top - _TRAY_DEEPEST_MM)
        hu = outside.painted(hu, things.table_hu, np.abs(lower) - half_mm, reach)
    for k, depth in enumerate((0.0, _SHELLS_APART_MM) if kind is TableKind.DOUBLE else (0.0,)):
        reach = within & (np.abs(x) < half_width - _NARROWER_MM * k)
        hu = outside.painted(hu, things.table_hu, np.abs(top - depth) - half_mm, reach)
    return hu


def _with_sheet(hu: Float32Array, outside: Outside, rng: Rng) -> Float32Array:
    """Add a fold of cloth at some distance from the skin."""
    offset, shift = rng.uniform(2, 14), rng.uniform(0, 200)
    near = (outside.skin_mm > 0) & (outside.skin_mm < _CLOTH_REACH_MM)
    places = outside.points[near] + np.float32(shift)
    wave = outside.textures.cloudy.at(places, _FOLD_MM)
    there = outside.textures.cloudy.at(places + 77, _CLOTH_PIECE_MM) > -0.2
    distance = outside.skin_mm[near] - offset - 5 * np.maximum(wave, -0.8)
    thickness, value = rng.uniform(0.5, 1.5), rng.uniform(-800, -250)
    hu[near] = outside.painted(hu[near], value, np.abs(distance) - thickness / 2, there)
    return hu


def _with_cast(hu: Float32Array, outside: Outside, cast: Cast) -> Float32Array:
    points, skin_mm, cloudy = outside.points, outside.skin_mm, outside.textures.cloudy
    x, y = points[..., 0] - outside.middle_x_mm, points[..., 1]
    angle = np.abs(np.arctan2(x, y)) / np.pi
    around = angle < cast.arc
    if cast.dashes:
        turn = np.arctan2(y, x) / (2 * np.pi) * cast.dashes
        around = around & ((turn + 0.3 * cloudy.at(points, 60.0)) % 1 < _DASH)
    if cast.side is not None:
        around = around & ((x > 0) == (cast.side == "left"))
    distance = skin_mm - cast.gap_mm - 1.2 * cloudy.at(points, _CAST_WAVE_MM)
    padding = (skin_mm > 0) & (distance < 0) & (angle < cast.arc)
    rough = cloudy.at(points, _PLASTER_GRAIN_MM)
    hu = np.where(padding, np.float32(cast.padding_hu) + _PADDING_GRAIN_HU * rough, hu)
    half: float | Float32Array = cast.thickness_mm / 2
    if cast.unevenness:
        half = half * np.exp(cast.unevenness * cloudy.at(points + 19, _UNEVEN_MM))
    value = cast.hu * (1 + cast.grain * rough)
    return outside.painted(hu, value, np.abs(distance) - half, around)


def _with_object(hu: Float32Array, outside: Outside, rng: Rng) -> Float32Array:
    """Add a small piece of metal or plastic near the table, never in the body."""
    (x, y), z = outside.of_table(), outside.points[..., 2]
    centre_x, centre_y = rng.uniform(-150, 150), rng.uniform(-60, 12)
    centre_z = rng.uniform(z.min() - 60, z.max() + 60)
    long, thin, turn = rng.uniform(4, 30), rng.uniform(0.8, 4), rng.uniform(0, np.pi)
    value = rng.choice([3500.0, 3500.0, 900.0, 150.0])
    u = (x - centre_x) * np.cos(turn) + (y - centre_y) * np.sin(turn)
    v = -(x - centre_x) * np.sin(turn) + (y - centre_y) * np.cos(turn)
    v = v + 0.01 * u**2
    distance = np.hypot(np.maximum(np.abs(u) - long / 2, 0), v) - thin
    distance = np.maximum(distance, np.abs(z - centre_z) - _OBJECT_HALF_MM)
    return outside.painted(hu, value, distance, outside.skin_mm > _OFF_SKIN_MM)


def _with_zip(hu: Float32Array, outside: Outside, rng: Rng) -> Float32Array:
    """Add a zip or a row of buttons along the body, in the cloth in front of it."""
    (x, y, z), skin_mm = np.moveaxis(outside.points, -1, 0), outside.skin_mm
    x0, away = outside.middle_x_mm + rng.normal(0, 45), rng.uniform(2.5, 9)
    half, thick = rng.uniform(1.5, 6), rng.uniform(0.8, 1.6)
    step_mm, value = rng.uniform(3, 30), float(rng.choice([3500.0, 3000.0, 1200.0, 400.0]))
    distance = np.hypot(np.maximum(np.abs(x - np.float32(x0)) - half, 0), skin_mm - away)
    body = y[skin_mm < 0]
    before = (skin_mm > 0.5) & (y < (body.mean() if len(body) else 0.0))
    tooth = (z / step_mm) % 1 < _TOOTH
    return outside.painted(hu, value, distance - thick, before & tooth)
