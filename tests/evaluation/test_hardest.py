import numpy as np

from afunet.evaluation.hardest import Difficulty, SliceTraits, choose_hardest, slice_traits


def traits(
    case: str, level: int, dice: float = 1.0, grey: float = 200.0, piece: int = 500
) -> SliceTraits:
    return SliceTraits(case, level, dice, grey, piece)


def test_each_difficulty_has_its_hardest_slices() -> None:
    low, faint, small = (
        traits("a", 1, dice=0.5),
        traits("b", 2, grey=60),
        traits("c", 3, piece=40),
    )
    easy = traits("d", 4)
    assert choose_hardest([easy, small, faint, low], each=1) == [
        (Difficulty.LOW_DICE, low),
        (Difficulty.FAINT, faint),
        (Difficulty.FRAGMENT, small),
    ]


def test_no_slice_comes_twice_and_another_case_comes_first() -> None:
    worst, second, other = (
        traits("a", 1, dice=0.1, grey=50, piece=35),
        traits("a", 2, dice=0.2, grey=90),
        traits("b", 1, dice=0.3, grey=80),
    )
    chosen = choose_hardest([worst, second, other], each=2)
    assert chosen == [
        (Difficulty.LOW_DICE, worst),
        (Difficulty.LOW_DICE, other),  # second is harder, but of the same case
        (Difficulty.FAINT, second),
    ]


def test_one_case_alone_may_come_twice() -> None:
    first, second = traits("a", 1, dice=0.1), traits("a", 2, dice=0.2)
    assert [one for _, one in choose_hardest([second, first], each=2)] == [first, second]


def test_traits_are_read_off_image_and_truth() -> None:
    truth = np.zeros((30, 30), dtype=bool)
    truth[0:10, 0:10] = True
    truth[20:26, 20:26] = True  # 36 px
    truth[28, 0] = True  # a speck
    grey = np.where(truth, 100, 10).astype(np.uint8)
    grey[0:10, 0:10] = 200
    one = slice_traits(grey, truth, case="a", level=5, dice=0.7)
    assert one is not None
    assert one.fragment_px == 36
    assert one.bone_grey == (100 * 200 + 37 * 100) / 137
    assert slice_traits(grey, truth & False, case="a", level=5, dice=0.7) is None
