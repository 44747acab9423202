import pytest

from afunet.workflows.stopwatch import OTHER, Stopwatch, peak_memory_mb


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """The time that the stopwatch sees; a test sets its only item."""
    now = [0.0]
    monkeypatch.setattr("time.perf_counter", lambda: now[0])
    return now


def test_a_stage_that_comes_again_adds_up(clock: list[float]) -> None:
    watch = Stopwatch()
    for stage, took in (("reading", 2.0), ("writing", 3.0), ("reading", 0.5)):
        with watch.stage(stage):
            clock[0] += took
    assert watch.seconds == {"reading": 2.5, "writing": 3.0, OTHER: 0.0}


def test_a_stage_inside_another_interrupts_it(clock: list[float]) -> None:
    watch = Stopwatch()
    with watch.stage("report"):
        clock[0] += 1.0
        with watch.stage("3D view"):
            clock[0] += 4.0
        clock[0] += 2.0
    assert watch.seconds == {"report": 3.0, "3D view": 4.0, OTHER: 0.0}


def test_seconds_between_stages_and_before_are_not_lost(clock: list[float]) -> None:
    watch = Stopwatch({"loading": 7.0})
    clock[0] += 1.5
    with watch.stage("reading"):
        clock[0] += 1.0
        assert watch.seconds == {"loading": 7.0, "reading": 1.0, OTHER: 1.5}
        clock[0] += 1.0
    clock[0] += 0.25
    assert list(watch.seconds.items()) == [("loading", 7.0), ("reading", 2.0), (OTHER, 1.75)]


def test_a_stage_that_fails_is_timed_too(clock: list[float]) -> None:
    watch = Stopwatch()

    def fail() -> None:
        clock[0] += 1.0
        raise ValueError("no")

    with pytest.raises(ValueError, match="no"), watch.stage("reading"):
        fail()
    clock[0] += 2.0
    assert watch.seconds == {"reading": 1.0, OTHER: 2.0}


def test_peak_memory_is_that_of_a_python_process() -> None:
    peak = peak_memory_mb()
    assert peak is None or 10 < peak < 1e6
