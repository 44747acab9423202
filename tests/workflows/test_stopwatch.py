import pytest

from afunet.workflows.stopwatch import Stopwatch, peak_memory_mb


def test_a_stage_that_comes_again_adds_up(monkeypatch: pytest.MonkeyPatch) -> None:
    ticks = iter([0.0, 2.0, 10.0, 13.0, 20.0, 20.5])
    monkeypatch.setattr("time.perf_counter", lambda: next(ticks))
    watch = Stopwatch()
    for stage in ("reading", "writing", "reading"):
        with watch.stage(stage):
            pass
    assert watch.seconds == {"reading": 2.5, "writing": 3.0}


def test_a_stage_that_fails_is_timed_too() -> None:
    watch = Stopwatch()
    with pytest.raises(ValueError, match="no"), watch.stage("reading"):
        raise ValueError("no")
    assert "reading" in watch.seconds


def test_peak_memory_is_that_of_a_python_process() -> None:
    peak = peak_memory_mb()
    assert peak is None or 10 < peak < 1e6
