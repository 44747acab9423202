"""One stream of moments, three ways to show it."""

import json

import pytest

from afunet.plan import Moment
from afunet.terminal.bar import described
from afunet.terminal.lines import Lines, as_json, in_words, message_as_json, plain

# A moment, its plain line, and what the bar calls it.
SHOWN = [
    (Moment(0.2, "starting", 0, 1), "[   0 s] starting", "starting"),
    (
        Moment(3, "reading headers", 1, 46),
        "[   3 s] reading headers, 1 of 46",
        "reading headers 1/46",
    ),
    (
        Moment(83.4, "segmenting", 40, 400, 0.12, 540.0, "leg-1"),
        "[  83 s] leg-1: segmenting, 40 of 400, 12 %, about 9 min left",
        "leg-1: segmenting 40/400",
    ),
    (
        Moment(9000, "surface", 0, 3, 1.0, 0.0),
        "[9000 s] surface, 0 of 3, 100 %, about 0 s left",
        "surface 0/3",
    ),
]


@pytest.mark.parametrize(("moment", "line", "words"), SHOWN)
def test_a_moment_reads_well(moment: Moment, line: str, words: str) -> None:
    assert plain(moment) == line
    assert described(moment) == words
    told = json.loads(as_json(moment))
    assert {
        key: told[key] for key in ("level", "case", "stage", "done", "total", "seconds_left")
    } == {
        "level": "info",
        "case": moment.case,
        "stage": moment.stage,
        "done": moment.done,
        "total": moment.total,
        "seconds_left": moment.seconds_left,
    }
    assert told["time"].endswith("Z")


def test_lines_come_where_a_stage_starts_and_every_ten_seconds() -> None:
    written: list[str] = []
    lines = Lines(written.append, lambda moment: f"{moment.stage} {moment.seconds:.0f}")
    for second in range(26):
        stage = "reading" if second < 3 else "segmenting"
        lines(Moment(second, stage, second, 30, starts=second in (0, 3)))
    assert written == ["reading 0", "segmenting 3", "segmenting 13", "segmenting 23"]


@pytest.mark.parametrize(
    ("seconds", "words"),
    [(0, "0 s"), (89, "89 s"), (90, "2 min"), (3000, "50 min"), (7200, "2.0 h")],
)
def test_time_left_is_told_as_roughly_as_it_is_known(seconds: float, words: str) -> None:
    assert in_words(seconds) == words


def test_a_message_is_one_json_line() -> None:
    line = message_as_json("error", "a\nb", "CODE")
    assert "\n" not in line
    assert json.loads(line)["code"] == "CODE"
