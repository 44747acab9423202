import numpy as np
import pytest

from afunet.phantom import Cast, Surroundings, TableKind
from afunet.phantom.picture.surroundings import Outside, surroundings_hu
from afunet.phantom.shapes.noise import Textures

STEP_MM = 0.5
RADIUS_MM = 45.0


def round_slice(centres_mm: tuple[float, ...] = (0.0,)) -> tuple[np.ndarray, np.ndarray]:
    """Points of a slice of 160 mm and their distance to the skin of round legs."""
    ticks = np.arange(-80, 80, STEP_MM)
    x, y = np.meshgrid(ticks, ticks)
    skins = [np.hypot(x - centre, y) - RADIUS_MM for centre in centres_mm]
    points = np.stack([x, y, np.zeros_like(x)], axis=-1).astype(np.float32)
    return points, np.minimum.reduce(skins).astype(np.float32)


def around(things: Surroundings, centres_mm: tuple[float, ...] = (0.0,)) -> np.ndarray:
    points, skin = round_slice(centres_mm)
    outside = Outside(points, skin, 300.0, 0.0, STEP_MM, Textures.draw(0))
    return surroundings_hu(outside, things, 0)


def bare(**things: object) -> Surroundings:
    return Surroundings(table=TableKind.NONE, **things)  # type: ignore[arg-type]


def test_thick_plaster_touches_the_skin_and_is_as_thick_as_asked() -> None:
    cast = Cast(hu=700.0, gap_mm=5.0, thickness_mm=10.0, grain=0.0, padding_hu=0.0)
    hu = around(bare(cast=cast))
    _, skin = round_slice()
    plaster = hu > 600
    assert hu[plaster].max() == pytest.approx(700)
    thickness = plaster.sum() * STEP_MM**2 / (2 * np.pi * (RADIUS_MM + 5))
    assert thickness == pytest.approx(10, abs=0.7)
    assert skin[plaster].min() < 2
    assert not plaster[skin > 14].any()


def test_only_the_leg_of_its_side_wears_a_cast() -> None:
    points, _ = round_slice()
    cast = Cast(hu=700.0, gap_mm=3.0, thickness_mm=4.0, side="left")
    plaster = around(bare(cast=cast), (-60.0, 60.0)) > 300
    assert plaster[points[..., 0] > 0].any()
    assert not plaster[points[..., 0] < 0].any()


def test_an_uneven_shell_is_thick_here_and_thin_there() -> None:
    even, uneven = (
        around(bare(cast=Cast(hu=700.0, thickness_mm=8.0, grain=0.0, unevenness=size)))
        for size in (0.0, 0.5)
    )
    row = slice(155, 165)
    assert ((even > 300) != (uneven > 300)).sum() > 300
    assert (even[row] > 300).any()


def test_a_zip_lies_in_front_of_the_body_off_the_skin() -> None:
    points, skin = round_slice()
    hu = around(bare(zips=3))
    metal = hu > 0
    assert metal.any()
    assert points[..., 1][metal].max() < 0
    assert skin[metal].min() > 0
    assert (around(bare()) == -1000).all()
