"""A network learns from the probabilities of another one, also on slices without labels."""

from __future__ import annotations

import csv
from dataclasses import replace
from io import BytesIO
from pathlib import Path

import numpy as np
import pytest
import torch
from tests.refusals import refused
from tests.training.test_train_network import TINY, trained

from afunet.data import dark_lines
from afunet.data.labelled import load_labelled, load_unlabelled
from afunet.data.sampler import CropConfig
from afunet.errors import Cancelled, CheckpointError, ConfigError
from afunet.models import build_model
from afunet.models.checkpoint import load_checkpoint, save_checkpoint
from afunet.training.config import DataConfig, DistillationConfig
from afunet.training.losses import taught_loss
from afunet.watch import CancelToken, Watch
from afunet.workflows import teaching
from afunet.workflows.teaching import Teacher, taught
from afunet.workflows.train import train_network

CPU = torch.device("cpu")


@pytest.fixture
def teacher_path(store: Path) -> Path:
    """A network that has learned a little, calibrated."""
    longer = replace(TINY, steps=12, learning_rate=1e-2, validate_every=12)
    checkpoint = load_checkpoint(trained(longer, store, "teacher").checkpoint)
    path = store.parent / "teacher.safetensors"
    header = replace(checkpoint.header, calibration=(1.5, 0.3), threshold=0.4)
    save_checkpoint(path, checkpoint.network(), header)
    return path


@pytest.fixture
def half_labelled(store: Path) -> Path:
    """The slice folder in which two training slices have no label."""
    table = store / "slices.csv"
    lines = table.read_text().splitlines()
    for number in (2, 4):
        lines[number] = lines[number].removesuffix("1") + "0"
    table.write_text("\n".join(lines) + "\n")
    return store


def test_slices_get_the_calibrated_probability_of_the_teacher(
    half_labelled: Path, teacher_path: Path
) -> None:
    checkpoint = load_checkpoint(teacher_path)
    teacher = Teacher.of(checkpoint, ("bone",), 1, CPU)
    labelled = load_labelled(half_labelled, "train")
    others = load_unlabelled(half_labelled, "train")
    assert [item.record.level for item in others] == [1, 3]
    shown = taught(labelled, others, teacher, half_labelled.parent / "kept.npz")
    assert [item.record.level for item in shown] == [0, 2, 1, 3]
    network = checkpoint.network()
    for item in shown:
        assert item.soft is not None
        grey = torch.from_numpy(item.grey[None].astype(np.float32) / 255)
        with torch.no_grad():
            logits = network(grey)[0, 0].numpy()
        expected = 1 / (1 + np.exp(-(1.5 * logits + 0.3)))
        inside = (slice(4, 28), slice(4, 28))  # windows of 32 px are blended elsewhere
        assert np.abs(item.soft[0][inside] / 255.0 - expected[inside]).mean() < 0.1
    limit = 255 / (1 + np.exp(-(1.5 * np.log(0.4 / 0.6) + 0.3)))
    for item in shown[2:]:
        assert item.soft is not None
        sure = np.abs(item.soft[0] - limit) > 1
        assert np.array_equal((item.soft[0] > limit)[sure], (item.mask == 1)[sure])
    assert all(np.array_equal(a.mask, b.mask) for a, b in zip(labelled, shown, strict=False))


def test_a_run_that_goes_on_does_not_ask_again(
    store: Path, teacher_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    teacher = Teacher.of(load_checkpoint(teacher_path), ("bone",), 1, CPU)
    slices, kept = load_labelled(store, "train"), store.parent / "kept.npz"
    first = taught(slices, (), teacher, kept)

    def asked(*_: object) -> None:
        raise AssertionError("asked again")

    with monkeypatch.context() as patch:
        patch.setattr(teaching.Teacher, "probability", asked)
        again = taught(slices, (), teacher, kept)
        for one, other in zip(first, again, strict=True):
            assert one.soft is not None
            assert np.array_equal(one.soft, other.soft)
        with pytest.raises(AssertionError):  # another teacher's answers are no good
            taught(slices, (), replace(teacher, sha256="another"), kept)
        darker = [replace(item, grey=item.grey // 2) for item in slices]
        with pytest.raises(AssertionError):  # nor are those about other slices of the same size
            taught(darker, (), teacher, kept)


def packed(**arrays: object) -> bytes:
    content = BytesIO()
    np.savez_compressed(content, **{key: np.asarray(value) for key, value in arrays.items()})
    return content.getvalue()


def test_broken_answers_are_asked_for_again(store: Path, teacher_path: Path) -> None:
    teacher = Teacher.of(load_checkpoint(teacher_path), ("bone",), 1, CPU)
    slices, kept = load_labelled(store, "train"), store.parent / "kept.npz"
    right = [item.soft for item in taught(slices, (), teacher, kept)]
    whole = kept.read_bytes()
    with np.load(kept) as file:
        question, probability = str(file["question"]), file["probability"]
    one_array = BytesIO()
    np.save(one_array, probability)
    broken = [whole[:length] for length in (0, 3, 100, len(whole) // 2, len(whole) - 1)]
    for place in range(40, len(whole), len(whole) // 24):
        broken.append(whole[:place] + bytes([whole[place] ^ 0xFF]) + whole[place + 1 :])
    broken += [
        one_array.getvalue(),
        packed(question=question),
        packed(question=question, probability=probability[:-1]),
        packed(question=question, probability=probability.astype(np.float32)),
        packed(question=question, probability=probability[None]),
    ]
    for content in broken:
        kept.write_bytes(content)
        again = [item.soft for item in taught(slices, (), teacher, kept)]
        assert all(np.array_equal(one, other) for one, other in zip(right, again, strict=True))
        with np.load(kept) as file:
            assert np.array_equal(file["probability"], probability)


def test_a_stop_while_the_teacher_is_asked_leaves_nothing_and_the_run_goes_on(
    store: Path, teacher_path: Path
) -> None:
    config = replace(TINY, distillation=DistillationConfig(str(teacher_path)))
    token = CancelToken()

    def stop(stage: str, done: int, total: int) -> None:
        if (stage, done) == (teaching.STAGE, 2):
            token.cancel()

    run = store.parent / "run"
    with pytest.raises(Cancelled):
        train_network(config, run, base=store.parent, watch=Watch(stop, token))
    assert not run.exists()
    unbroken = trained(config, store, "unbroken")
    assert load_checkpoint(trained(config, store).checkpoint).sha256 == (
        load_checkpoint(unbroken.checkpoint).sha256
    )


def test_a_teacher_that_is_missing_or_knows_other_classes_leaves_no_run(
    store: Path, teacher_path: Path
) -> None:
    gone = store.parent / "none.safetensors"
    with refused(CheckpointError, "NO_WEIGHTS", gone):
        trained(replace(TINY, distillation=DistillationConfig(str(gone))), store)
    header = replace(load_checkpoint(teacher_path).header, classes=("tibia", "fibula"))
    other = build_model("afunet", {**header.options, "classes": 2}, seed=0)
    save_checkpoint(teacher_path, other, header)
    with refused(ConfigError, "WEIGHTS_MISFIT", "tibia"):
        trained(replace(TINY, distillation=DistillationConfig(str(teacher_path))), store)
    assert not (store.parent / "run").exists()


def test_a_student_is_trained_and_names_its_teacher(store: Path, teacher_path: Path) -> None:
    config = replace(TINY, distillation=DistillationConfig(str(teacher_path), 0.7, True))
    result = trained(config, store, "student")
    assert load_checkpoint(result.checkpoint).header.training["teacher"] == str(teacher_path)
    alone = trained(TINY, store, "alone")
    assert load_checkpoint(result.checkpoint).sha256 != load_checkpoint(alone.checkpoint).sha256
    with refused(ConfigError, "NO_TRAINING_DATA"):
        replace(config, data=(DataConfig("store", taught=False),))


@pytest.mark.parametrize("ignored", [False, True])
def test_a_run_hears_neither_labels_nor_teacher_on_dark_lines(
    store: Path, teacher_path: Path, monkeypatch: pytest.MonkeyPatch, ignored: bool
) -> None:
    monkeypatch.setattr(dark_lines, "dark_lines", lambda hu, mask: np.ones_like(mask))
    data = (DataConfig("store", ignore_dark_lines=ignored),)
    teacher = DistillationConfig(str(teacher_path), 0.7, unlabelled=True)
    trained(replace(TINY, data=data, crop=CropConfig(16), distillation=teacher), store)
    with (store.parent / "run" / "log.csv").open() as file:
        losses = [float(row["loss"]) for row in csv.DictReader(file)]
    assert len(losses) == 2
    assert all((loss == 0) == ignored for loss in losses)


def test_the_loss_is_least_where_the_student_agrees() -> None:
    probability = torch.tensor([[[[0.1, 0.5], [0.8, 0.95]]]])
    agreed = torch.logit(probability).requires_grad_()
    loss = taught_loss(agreed, probability)
    loss.backward()
    assert agreed.grad is not None
    assert float(agreed.grad.abs().max()) < 1e-6
    assert float((taught_loss(agreed + 0.5, probability) - loss).detach()) > 0


def test_a_teacher_of_other_classes_or_more_slices_is_refused(
    store: Path, teacher_path: Path
) -> None:
    checkpoint = load_checkpoint(teacher_path)
    with refused(ConfigError, "WEIGHTS_MISFIT", "tibia"):
        Teacher.of(checkpoint, ("tibia", "fibula"), 1, CPU)
    three = replace(TINY, options={**TINY.options, "input_slices": 3})
    wide = load_checkpoint(trained(three, store, "three").checkpoint)
    with refused(ConfigError, "WEIGHTS_MISFIT", 3):
        Teacher.of(wide, ("bone",), 1, CPU)
    Teacher.of(checkpoint, ("bone",), 3, CPU)  # it looks at the middle one
    with refused(ConfigError, "CONFIG_ERROR", 0):
        DistillationConfig(weight=0)
