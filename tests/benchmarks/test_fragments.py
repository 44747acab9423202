from dataclasses import replace

from afunet.phantom import FracturePattern
from benchmarks.fragments import clinical_leg, fractured_leg


def test_clinical_patterns_break_the_same_bones_of_the_same_knee() -> None:
    for seed in range(20):
        old, new = fractured_leg(seed), clinical_leg(seed)
        assert [one.bone for one in new.fractures] == [one.bone for one in old.fractures]
        assert replace(new, fractures=old.fractures) == old
        assert not any(one.pattern is FracturePattern.HALVES for one in new.fractures)
        assert all(one.pattern is FracturePattern.HALVES for one in old.fractures)
