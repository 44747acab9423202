"""The whole work's progress, on a clock that is set by hand."""

import pytest

from afunet.plan import Moment, PlannedProgress, Step

PLAN = (
    Step("reading"),
    Step("segmenting", share=1),
    Step("surface", share=0.5),
    Step("pictures", seconds=10),
)


class Clock:
    now = 100.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def seen() -> list[Moment]:
    return []


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def progress(seen: list[Moment], clock: Clock) -> PlannedProgress:
    return PlannedProgress(seen.append, PLAN, clock)


# Seconds on the clock, stage, done, total; seconds left and the share of the whole then.
COURSE = [
    (0, "reading", 0, 10, None, None),
    (5, "reading", 10, 10, None, None),
    (5, "segmenting", 0, 4, None, None),
    (25, "segmenting", 1, 4, 60 + 40 + 10, 25 / 135),  # 80 s in all, the surface half of it
    (85, "segmenting", 4, 4, 40 + 10, 85 / 135),
    (85, "surface", 0, 2, 40 + 10, 85 / 135),
    (95, "surface", 1, 2, 10 + 10, 95 / 115),  # faster than planned
    (105, "surface", 2, 2, 10, 105 / 115),
    (105, "pictures", 0, 1, 10, 105 / 115),
    (135, "pictures", 1, 1, 0, 1.0),
]


def test_time_left_is_measured_from_the_first_steps_of_the_heaviest_stage(
    progress: PlannedProgress, seen: list[Moment], clock: Clock
) -> None:
    for at, stage, done, total, left, fraction in COURSE:
        clock.now = 100.0 + at
        progress(stage, done, total)
        assert seen[-1].seconds == at
        assert seen[-1].seconds_left == (None if left is None else pytest.approx(left))
        assert seen[-1].fraction == (None if fraction is None else pytest.approx(fraction))
    assert [moment.starts for moment in seen].count(True) == len(PLAN)


def test_a_stage_that_tells_only_what_is_done_began_with_the_last_word(
    progress: PlannedProgress, seen: list[Moment], clock: Clock
) -> None:
    progress("reading", 10, 10)
    clock.now += 20
    progress("segmenting", 1, 4)
    assert seen[-1].seconds_left == pytest.approx(60 + 40 + 10)


def test_a_stage_that_goes_on_from_a_run_before_is_measured_by_what_it_does_now(
    progress: PlannedProgress, seen: list[Moment], clock: Clock
) -> None:
    progress("reading", 10, 10)
    clock.now += 5
    progress("segmenting", 600, 1000)
    assert (seen[-1].fraction, seen[-1].seconds_left) == (None, None)
    clock.now += 20
    progress("segmenting", 700, 1000)
    assert seen[-1].seconds_left == pytest.approx(60 + 100 + 10)
    assert seen[-1].fraction == pytest.approx((120 + 25) / (120 + 25 + 170))


def test_where_the_heaviest_stage_is_left_out_the_heaviest_that_is_left_tells_the_pace(
    progress: PlannedProgress, seen: list[Moment], clock: Clock
) -> None:
    progress("surface", 0, 4)
    assert seen[-1].seconds_left is None
    clock.now += 5
    progress("surface", 1, 4)
    assert seen[-1].seconds_left == pytest.approx(15 + 10)


def test_the_share_of_the_whole_never_falls(
    progress: PlannedProgress, seen: list[Moment], clock: Clock
) -> None:
    for at, stage, done in ((10, "segmenting", 9), (50, "segmenting", 10), (60, "surface", 1)):
        clock.now = 100.0 + at
        progress(stage, done, 10)
    clock.now += 500  # far slower than any plan
    progress("surface", 2, 10)
    shares = [moment.fraction or 0.0 for moment in seen]
    assert shares == sorted(shares)


def test_a_stage_that_no_plan_knows_is_shown_and_counts_nothing(
    progress: PlannedProgress, seen: list[Moment], clock: Clock
) -> None:
    progress("segmenting", 0, 4)
    clock.now += 20
    progress("segmenting", 1, 4)
    progress("mending", 0, 3)
    assert (seen[-1].stage, seen[-1].starts) == ("mending", True)
    assert seen[-1].seconds_left == seen[-2].seconds_left
    assert PlannedProgress(seen.append)("anything", 1, 2) is None
    assert seen[-1].seconds_left is None


def test_several_scans_are_one_whole(
    progress: PlannedProgress, seen: list[Moment], clock: Clock
) -> None:
    progress.begin("leg-1", 1, 3)
    progress("segmenting", 0, 4)
    clock.now += 20
    progress("segmenting", 1, 4)
    assert seen[-1].case == "leg-1"
    assert seen[-1].seconds_left == pytest.approx(110 + 2 * 130)
    clock.now += 110
    progress("pictures", 1, 1)
    progress.begin("leg-2", 2, 3)
    progress("reading", 0, 1)
    assert seen[-1].case == "leg-2"
    assert seen[-1].seconds_left == pytest.approx(2 * 130)
    assert seen[-1].fraction == pytest.approx(130 / 390)


def test_a_stage_of_no_units_is_no_fault(progress: PlannedProgress, seen: list[Moment]) -> None:
    progress("segmenting", 0, 0)
    assert seen[-1].seconds_left is None


def test_a_scan_that_was_refused_says_nothing_of_the_time_of_others(
    progress: PlannedProgress, seen: list[Moment], clock: Clock
) -> None:
    for number in (1, 2, 3):
        progress.begin(f"leg-{number}", number, 3)
        progress("reading", 1, 10)
        clock.now += 1
    assert [(moment.fraction, moment.seconds_left) for moment in seen] == [(None, None)] * 3
