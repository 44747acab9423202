"""Pictures of the simulator stay what they are until its version is raised."""

import json
from copy import deepcopy
from pathlib import Path

import pytest

from afunet.phantom import VERSION

from .golden_legs import COMMAND, FEET, GOLDEN, LEGS, LIMBS, OF_LIMB_FILES, same_picture

TOLD = json.loads(GOLDEN.read_text())


def test_the_digests_are_of_this_version() -> None:
    assert TOLD["version"] == VERSION, f"write the digests anew with `{COMMAND}`"
    assert TOLD["legs"].keys() == LEGS.keys()


@pytest.mark.parametrize("name", LEGS)
def test_a_leg_looks_as_it_did(name: str, tmp_path: Path) -> None:
    draw = LEGS[name]
    if draw in OF_LIMB_FILES and not all(path.is_file() for path in (*LIMBS, FEET)):
        pytest.skip("no LLP26 limbs and feet: set AFUNET_DATA")
    told, golden = draw(tmp_path).told(), TOLD["legs"][name]
    assert same_picture(told, golden), (
        f"{name} looks different: its labels have {told['counts']} voxels, they had "
        f"{golden['counts']}. If the picture changed on purpose, raise phantom.VERSION, say what "
        f"changed in docs/phantom.md and write the digests anew with `{COMMAND}`"
    )


def test_another_picture_is_told_from_the_last_bit() -> None:
    golden = TOLD["legs"]["plain_knee"]
    bit, shifted, grown = deepcopy(golden), deepcopy(golden), deepcopy(golden)
    bit["hu"], bit["outline"][7] = "another", golden["outline"][7] + 0.05
    shifted["outline"][7] += 0.2
    grown["counts"][1] += 5
    assert same_picture(golden, bit)
    assert not same_picture(golden, shifted)
    assert not same_picture(golden, grown)
    assert not same_picture(golden, TOLD["legs"]["random_knee"])
