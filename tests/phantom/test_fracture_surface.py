import numpy as np

from afunet.phantom.shapes.noise import CLOUDY, NoiseField
from afunet.phantom.skeleton.fracture_surface import Ball, Cut, Facets, Helix, Plane, Slit, Uneven

UP = np.array([0.0, 0.0, 1.0])
NOISE = NoiseField.draw(np.random.default_rng(0), *CLOUDY)


def uneven(roughness_mm: float = 0.0, gap_mm: float = 0.0, closed: float = 0.5) -> Uneven:
    """A surface about the origin whose gap opens along x, 20 mm to either side."""
    along_x = np.array([1.0, 0.0, 0.0])
    return Uneven(NOISE, roughness_mm, gap_mm, closed, np.zeros(3), along_x, 20.0, UP)


def level(roughness_mm: float = 0.0, gap_mm: float = 0.0, closed: float = 0.5) -> Cut:
    return Cut(Plane(np.zeros(3), UP), uneven(roughness_mm, gap_mm, closed))


def test_a_gap_is_none_on_one_side_and_opens_to_its_width_on_the_other() -> None:
    surface = uneven(gap_mm=3.0, closed=0.5)
    x = np.linspace(-20, 20, 41)
    points = np.stack([x, np.zeros(41), np.zeros(41)], axis=1)
    gap = surface.gap(points)
    assert gap.max() <= 3.0
    # The noise shifts the edge of the closed part by some millimetres.
    assert (gap[:8] == 0).all()
    assert gap[-8:].min() > 1.0


def test_points_in_neither_half_measure_the_gap() -> None:
    cut = level(gap_mm=3.0)
    z = np.arange(-4.0, 4.0, 0.01)
    for x in (-18.0, 5.0, 12.0, 19.0):
        points = np.stack([np.full_like(z, x), np.zeros_like(z), z], axis=1)
        inside = np.full(len(z), -10.0, dtype=np.float32)
        below, above = cut.face(points, inside), cut.other_side().face(points, inside)
        missing = 0.01 * ((below > 0) & (above > 0)).sum()
        expected = float(cut.surface.gap(points[400:401])[0])  # type: ignore[union-attr]
        assert abs(missing - expected) < 0.02


def test_a_surface_is_rough_on_several_scales() -> None:
    cut = level(roughness_mm=1.0)
    x = np.arange(0.0, 200.0, 0.5)
    heights = -cut(np.stack([x, np.zeros_like(x), np.zeros_like(x)], axis=1))
    power = np.abs(np.fft.rfft(heights - heights.mean())) ** 2
    waves = 200.0 / np.maximum(np.arange(len(power)), 1e-9)
    shares = [power[(waves > low) & (waves <= high)].sum() for low, high in ((14, 60), (2, 14))]
    assert shares[0] > shares[1] > 0.02 * shares[0]


def test_the_sides_of_a_rough_surface_fit_together() -> None:
    cut = level(roughness_mm=1.5)
    points = np.random.default_rng(1).uniform(-20, 20, (5000, 3))
    inside = np.full(5000, -10.0, dtype=np.float32)
    assert np.allclose(cut.face(points, inside), -cut.other_side().face(points, inside))


def test_the_roughest_surface_is_crossed_once_on_any_way_through_it() -> None:
    cut = level(roughness_mm=2.0)
    x, z = np.meshgrid(np.arange(-15.0, 15.0, 3.0), np.arange(-9.0, 9.0, 0.1), indexing="ij")
    signs = np.sign(cut(np.stack([x, 0 * x, z], axis=-1)))
    assert (np.abs(np.diff(signs, axis=1)) > 0).sum(axis=1).max() == 1


def test_facets_are_a_convex_region_and_a_tall_ball_has_no_lid() -> None:
    corner = Facets((Plane(np.zeros(3), UP), Plane(np.zeros(3), np.array([1.0, 0.0, 0.0]))))
    assert corner(np.array([[-1.0, 0, -2]])) == -1
    assert corner(np.array([[3.0, 0, -2]])) == 3
    ball = Ball(np.zeros(3), 5.0, tall=True)
    assert ball(np.array([[3.0, 0, 40]])) == -2
    assert ball(np.array([[0.0, 0, -9]])) == 4


def test_a_helix_climbs_one_rise_in_one_turn_and_closes_straight() -> None:
    helix = Helix(np.zeros(3), 40.0, 0.0, 1.0)
    turn = np.deg2rad([-170.0, -90.0, 0.0, 90.0, 170.0])
    climb = 40.0 * turn / (2 * np.pi)
    ring = np.stack([10 * np.cos(turn), 10 * np.sin(turn)], axis=1)
    for offset, sign in ((1.5, 1), (-1.5, -1)):
        found = helix(np.column_stack([ring, climb + offset]))
        assert (np.sign(found) == sign).all()
        assert (np.abs(found) <= 1.5).all()
    # Beside the straight crack, a point is as near to it as it lies beside it.
    assert abs(abs(helix(np.array([[-10.0, 0.7, 0.0]]))[0]) - 0.7) < 1e-9


def test_a_slit_narrows_to_nothing_where_it_ends() -> None:
    slit = Slit(level(), np.zeros(3), 16.0, 1.2)
    beside, width = slit.at(np.array([[0.0, 0, 0.5], [12.0, 0, 0], [16.0, 0, 0], [40.0, 0, 0]]))
    assert np.allclose(width, [1.2 * np.sqrt(1 - 0.5 / 16), 0.6, 0, 0])
    assert np.isclose(beside[0], 0.5)
