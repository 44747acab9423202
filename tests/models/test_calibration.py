import math
import re

import numpy as np
import pytest

from afunet.models.calibration import UNCALIBRATED, calibrated, require_calibration


def test_without_a_calibration_nothing_changes() -> None:
    probability = np.full(5, 0.3, dtype=np.float32)
    assert calibrated(probability, UNCALIBRATED) is probability


def test_scale_and_offset_act_on_the_logit() -> None:
    (half, other) = calibrated(np.array([0.5, 0.8], dtype=np.float32), (0.5, 1.0)).tolist()
    assert half == pytest.approx(1 / (1 + math.exp(-1.0)))
    assert other == pytest.approx(1 / (1 + math.exp(-(0.5 * math.log(4) + 1.0))))


def test_certain_pixels_stay_certain_and_the_order_stays() -> None:
    probability = np.array([0.0, 0.01, 0.3, 0.99, 1.0], dtype=np.float32)
    done = calibrated(probability, (0.7, -0.4))
    assert (done[0], done[-1]) == (0, 1)
    assert (np.diff(done) > 0).all()


@pytest.mark.parametrize("pair", [(0.0, 0.0), (-1.0, 0.0), (1.0, math.inf), (math.nan, 0.0)])
def test_an_impossible_calibration_is_refused(pair: tuple[float, float]) -> None:
    with pytest.raises(ValueError, match=re.escape(str(pair))):
        require_calibration(pair)
