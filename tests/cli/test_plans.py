"""Every command that works says what is to come, so that a bar can tell the time left."""

import inspect
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from afunet.cli import compare, compress, evaluate, prepare, segment, simulate, train
from afunet.formats.dicom.listing import LOOKING
from afunet.geometry import Volume
from afunet.plan import Moment, Plan, PlannedProgress
from afunet.terminal.work import Work
from afunet.watch import CancelToken

COMMANDS: list[Any] = [
    value
    for module in (compare, compress, evaluate, prepare, segment, simulate, train)
    for value in vars(module).values()
    if inspect.isfunction(value)
    and value.__module__ == module.__name__
    and not value.__name__.startswith("_")
    and "work" in inspect.signature(value).parameters
]


class Followed(Exception):  # noqa: N818 - no error
    """A plan was told."""


class OnlyPlanned(Work):
    """Goes no further than to the plan."""

    def follow(self, plan: Plan) -> None:
        super().follow(plan)
        raise Followed


GIVEN = {
    "inputs": [Path("none")],
    "path": Path("none"),
    "mask": Path("none"),
    "sources": [Path("none")],
    "experiments": [Path("none")],
    "config": Path("none"),
    "recipe": Path("none"),
    "share": 0.5,
    "predictions": [Path("none")],
    "truth": [Path("none")],
    "output": Path("out"),
}


@pytest.mark.parametrize("command", COMMANDS, ids=lambda command: command.__name__)
def test_a_command_that_works_tells_a_plan_with_one_heaviest_stage_before_it_begins(
    command: Callable[..., None], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    work = OnlyPlanned(PlannedProgress(lambda _: None), CancelToken())
    given = {name: GIVEN[name] for name in inspect.signature(command).parameters if name in GIVEN}
    if command is evaluate.evaluate:
        del given["output"]
    if command is compress.quantise:
        given["data"] = "none"
    with pytest.raises(Followed):
        command(**given, work=work)
    assert [step.share for step in work.progress.plan].count(1) == 1
    assert list(tmp_path.iterdir()) == []


def test_inspect_knows_its_end_before_it_comes(
    cylinder: Volume, write_dicom: Callable[..., Path], tmp_path: Path
) -> None:
    seen: list[Moment] = []
    work = Work(PlannedProgress(seen.append), CancelToken())
    segment.inspect(write_dicom(tmp_path / "ct", cylinder), work=work)
    assert {moment.stage for moment in seen} <= {step.name for step in work.progress.plan}
    assert seen[-1].stage == LOOKING
    assert seen[-1].seconds_left == 0
    assert seen[-1].fraction == 1
    assert any(moment.seconds_left for moment in seen)
