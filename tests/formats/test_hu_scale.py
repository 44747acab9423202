"""Values that are no HU are refused by where air and flesh lie; what scanners write passes."""

import numpy as np
import pytest
from tests.refusals import refused

from afunet.errors import InputError
from afunet.formats.hu_scale import require_hu
from afunet.formats.slice_values import values_of

from .legs import CLEAN, leg

# What happens to a scale: shifted, applied twice, inverted, normalised, wrapped.
WRONG = {
    "intercept left out": lambda hu: hu + 1024,
    "intercept of 1000 left out": lambda hu: hu + 1000,
    "clipped at 0 after it was left out": lambda hu: np.maximum(hu + 1000, 0),
    "intercept applied twice": lambda hu: hu - 1024,
    "intercept applied thrice": lambda hu: hu - 2048,
    "slope 2 applied twice": lambda hu: 2 * hu - 1024,
    "twice as large": lambda hu: 2 * hu,
    "half as large": lambda hu: hu / 2,
    "slope a half": lambda hu: (hu + 1024) / 2 - 1024,
    "ten times as large": lambda hu: 10 * hu,
    "a tenth": lambda hu: hu / 10,
    "between 0 and 1": lambda hu: (hu + 1024) / 4095,
    "inverted": lambda hu: 2047 - hu,
    "negated": lambda hu: -hu,
    "of 16 unsigned bits": lambda hu: hu % 65536,
    "200 HU too bright": lambda hu: hu + 200,
}
UNSEEN_IN_A_WHOLE_SERIES = {"200 HU too bright"}  # a cone-beam scanner may be off by as much


@pytest.mark.parametrize("name", CLEAN)
def test_what_scanners_write_passes(name):
    require_hu(CLEAN[name])


@pytest.mark.parametrize("name", sorted(WRONG.keys() - UNSEEN_IN_A_WHOLE_SERIES))
def test_a_series_on_another_scale_is_refused(name):
    with pytest.raises(InputError) as caught:
        require_hu(WRONG[name](leg()))
    assert caught.value.code in {"VALUES_NOT_HU", "VALUES_TOO_HIGH"}
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("where", ["one", "first", "every third", "every other", "half"])
@pytest.mark.parametrize("name", WRONG)
def test_slices_on_another_scale_are_refused(name, where):
    places = {
        "one": slice(4, 5),
        "first": slice(0, 1),
        "every third": slice(0, None, 3),
        "every other": slice(0, None, 2),
        "half": slice(5, None),
    }
    hu = leg()
    hu[places[where]] = WRONG[name](hu[places[where]])
    with pytest.raises(InputError) as caught:
        require_hu(hu)
    assert caught.value.code in {"SLICES_DISAGREE", "VALUES_NOT_HU", "VALUES_TOO_HIGH"}


@pytest.mark.parametrize(
    "base", ["metal", "cast", "table", "leg small in the field", "without noise"]
)
@pytest.mark.parametrize("name", ["intercept left out", "intercept applied twice"])
def test_a_shift_is_seen_beside_other_things(base, name):
    with pytest.raises(InputError) as caught:
        require_hu(WRONG[name](CLEAN[base]))
    assert caught.value.code == "VALUES_NOT_HU"


def test_the_message_says_where_the_values_lie_and_why():
    with refused(InputError, "VALUES_NOT_HU", -2024, -1000):
        require_hu(leg() - 1024)


def test_the_levels_of_a_slice_worked_by_hand():
    hu = np.full((40, 40), 50)
    hu[:20] = -1000 + np.arange(20)[:, None] % 3
    values = values_of(hu)
    assert values.content == 1600
    assert values.dark == 0.5
    assert abs(values.air_hu + 1000) <= 16
    assert abs(values.flesh_hu - 50) <= 16
    assert values.share(0, 100) == 0.5
    assert values.likeness(values_of(hu[::-1])) == 1.0


def test_padding_outside_a_circle_is_no_content():
    rows, columns = np.indices((80, 80)) - 39.5
    outside = np.hypot(rows, columns) > 40
    hu = np.where(outside, -2000, 30)
    values = values_of(hu)
    assert values.padding == outside.sum()
    assert values.air_hu is None


def test_few_pixels_are_not_judged():
    assert not values_of(np.zeros((30, 30))).speaks
    require_hu(np.linspace(-3000, 5000, 900).reshape(1, 30, 30))
