import numpy as np

from afunet.phantom.config import Angiogram
from afunet.phantom.tissue.vessel_courses import limb_vessels, trunk_vessels


def test_a_limb_has_enhanced_arteries_and_late_veins_and_its_branches() -> None:
    look = Angiogram(artery_hu=400, vein_hu=60, branches=5, plaque=0.5)
    few, many = (
        limb_vessels(one, np.random.default_rng(1)) for one in (Angiogram(branches=0), look)
    )
    assert len(many) == len(few) + 5
    arteries = [tube for tube in many if tube.plaque]
    assert all(330 < tube.hu < 450 for tube in arteries)
    assert len(arteries) >= 5
    assert sum(tube.hu < 75 for tube in many) == len(many) - len(arteries)


def test_the_aorta_divides_into_both_sides_of_the_pelvis() -> None:
    tubes = trunk_vessels(Angiogram(), 350.0, 200.0, 1.0, np.random.default_rng(2))
    high = [tube for tube in tubes if tube.knots[-1, 0] > 350 + 1.5 * 200]
    groin = [tube.knots[0, 1] for tube in tubes if tube.knots[0, 0] < 350 + 0.25 * 200]
    assert len(high) == 2
    assert all(abs(tube.knots[-1, 1]) < 35 for tube in high)
    assert sum(x > 50 for x in groin) == sum(x < -50 for x in groin) == 2
