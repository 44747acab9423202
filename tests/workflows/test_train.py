"""What surrounds a training run; the run itself is told in tests/training."""

import sys
from pathlib import Path

import numpy as np
import pytest
from tests.refusals import refused

from afunet.errors import AfunetError, InputError
from afunet.training.config import parse_config
from afunet.workflows.tensorboard import tensorboard
from afunet.workflows.train import TrainingResult, train_network
from afunet.workflows.training_doubts import doubts_about


def test_numbers_and_pictures_go_to_tensorboard(tmp_path: Path) -> None:
    accumulator = pytest.importorskip(
        "tensorboard.backend.event_processing.event_accumulator",
        reason="the extra afunet[train] is not installed",
    )
    with tensorboard(tmp_path / "run") as record:
        record.scalar("loss", 0.75, 1)
        record.scalar("loss", 0.5, 2)
        record.picture("knee", np.full((4, 6, 3), 200, np.uint8), 2)
    events = accumulator.EventAccumulator(str(tmp_path / "run"))
    events.Reload()
    assert [(event.step, event.value) for event in events.Scalars("loss")] == [(1, 0.75), (2, 0.5)]
    (picture,) = events.Images("knee")
    assert (picture.step, picture.width, picture.height) == (2, 6, 4)


def test_a_run_that_records_nothing_leaves_no_folder(tmp_path: Path) -> None:
    with tensorboard(tmp_path / "run"):
        pass
    assert list(tmp_path.iterdir()) == []


def test_without_the_train_extra_nothing_is_recorded(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "torch.utils.tensorboard", None)
    with tensorboard(tmp_path / "run") as record:
        record.scalar("loss", 0.5, 1)
    assert list(tmp_path.iterdir()) == []


def test_data_that_are_not_there_are_refused_with_the_places_looked_in(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AFUNET_DATA", str(tmp_path / "data"))
    config = parse_config({"data": [{"path": "nowhere"}]})
    with refused(
        InputError,
        "NO_SUCH_PATH",
        "nowhere",
        tmp_path / "data" / "nowhere",
        tmp_path / "base" / "nowhere",
    ):
        train_network(config, tmp_path / "run", base=tmp_path / "base")
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize(
    ("wrong", "named"),
    [({"model": "net9000"}, "net9000"), ({"model": "afunet", "options": {"width": 3}}, "width")],
)
def test_a_network_that_cannot_be_built_is_refused_before_anything_is_read_or_written(
    wrong: dict[str, object], named: str, tmp_path: Path
) -> None:
    config = parse_config({"data": [{"path": str(tmp_path / "none")}], **wrong})
    with refused(AfunetError, "CONFIG_ERROR", named):
        train_network(config, tmp_path / "run")
    assert list(tmp_path.iterdir()) == []


# Losses of the first and last steps, Dice on val, and whether that is doubted.
LEARNT = [
    (1.0, 0.3, 0.9, False),
    (0.4, 0.4, 0.97, False),  # fine-tuned from where it ends
    (1.0, 0.3, 0.01, True),
    (1.0, 1.0, 0.01, True),
    (1.0, 0.995, 0.3, True),
]


@pytest.mark.parametrize(("first", "last", "dice", "doubted"), LEARNT)
def test_a_run_that_learnt_nothing_says_so(
    first: float, last: float, dice: float, doubted: bool, tmp_path: Path
) -> None:
    rows = [f"{step},{first if step <= 20 else last},0.001" for step in range(1, 41)]
    (tmp_path / "log.csv").write_text("\n".join(["step,loss,learning_rate", *rows]) + "\n")
    doubts = doubts_about(TrainingResult(dice, tmp_path / "best.safetensors"), tmp_path)
    assert len(doubts) == doubted
