import numpy as np

from afunet.phantom import Wound
from afunet.phantom.tissue.broken_bone import Apart, beside_face, with_line

EVERYWHERE = (slice(None), slice(None))


def shares(first: list[float], second: list[float], pixel_mm: float = 1.0) -> np.ndarray:
    """The shares of two pieces in a row of pixels, by their distances."""
    one, other = (np.array([mm], dtype=np.float32) for mm in (first, second))
    apart = Apart.of([(EVERYWHERE, one), (EVERYWHERE, other)], one.shape, 60.0)
    inside = np.ones(one.shape, dtype=np.bool_)
    return np.array([apart.share(EVERYWHERE, mm, inside, pixel_mm) for mm in (one, other)])


def test_pieces_that_touch_fill_their_pixels_together() -> None:
    at = [-2.0, -0.4, 0.0, 0.3, 2.0]
    found = shares(at, [-mm for mm in at])
    assert np.allclose(found.sum(axis=0), 1)
    assert np.allclose(found[0], [1, 0.9, 0.5, 0.2, 0])


def test_pieces_driven_into_each_other_end_halfway() -> None:
    assert np.allclose(shares([-3.0, -2.0, -1.0], [-1.0, -2.0, -3.0]), [[1, 0.5, 0], [0, 0.5, 1]])


def test_a_thin_gap_takes_its_width_from_the_pixel() -> None:
    assert np.allclose(shares([0.2], [0.2]).sum(), 0.6)
    assert np.allclose(shares([0.1], [0.1], pixel_mm=0.5).sum(), 0.6)


def test_blood_lies_between_two_pieces_only() -> None:
    one, other = np.float32([[-1.0, 1.0, 2.0, 2.0]]), np.float32([[3.0, 1.0, 2.0, 30.0]])
    hu = np.full((1, 4), -100.0, dtype=np.float32)
    apart = Apart.of([(EVERYWHERE, one), (EVERYWHERE, other)], hu.shape, 60.0)
    apart.bleed(hu, Wound(blood_hu=60.0))
    assert np.allclose(hu[0, 1:], [60, 60, -100])
    air = np.full((1, 4), -1000.0, dtype=np.float32)
    apart.bleed(air, Wound())
    assert (air == -1000).all()


def test_impacted_trabecular_bone_is_denser_at_the_face_and_cortex_is_as_it_was() -> None:
    wound = Wound(beside_hu=150.0, band_mm=2.0)
    hu = np.float32([200, 200, 200, 1500])
    face = np.float32([0, -2, -20, 0])
    assert np.allclose(beside_face(hu, face, wound), [350, 200 + 150 / np.e, 200, 1500], atol=0.1)


def test_a_line_thinner_than_a_pixel_loses_no_more_than_its_width() -> None:
    wound = Wound(blood_hu=50.0, beside_hu=0.0)
    for shift in (0.0, 0.13, 0.4):
        beside = np.abs(np.arange(-10.0, 11.0) * 0.5 + shift)
        for width in (0.2, 0.8, 1.6):
            bone = np.full(21, 450.0, dtype=np.float32)
            found = with_line(bone, beside, np.full(21, width), wound, 0.5)
            assert np.isclose(0.5 * (bone - found).sum() / 400.0, width, atol=1e-3)
