"""Names of bones as text."""

from afunet.anatomy.bones import Bone, Side
from afunet.anatomy.names import UNKNOWN, BoneName


def test_a_name_reads_as_it_is_told():
    assert str(BoneName(Bone.TIBIA, Side.LEFT, 0.9, 0.8)) == "left tibia"
    assert str(BoneName(Bone.PELVIS, None, 0.9)) == "pelvis"
    assert str(UNKNOWN) == "unknown"
