"""From a slice folder and a configuration to a checkpoint that inference can read."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from tests.refusals import refused

from afunet.data.sampler import CropConfig
from afunet.data.slices import LabelledSlice
from afunet.errors import CheckpointError, ConfigError, InputError
from afunet.inference.cpu import Cpu
from afunet.inference.device_choice import DeviceChoice
from afunet.models.checkpoint import load_checkpoint
from afunet.training.config import DataConfig, Precision, TrainingConfig
from afunet.training.recording import LOG, losses_in
from afunet.workflows.train import TrainingResult, arithmetic, train_network

TINY = TrainingConfig(
    data=(DataConfig("store"),),
    options={"width": 4, "depth": 2},
    steps=2,
    batch_size=2,
    crop=CropConfig(32),
    spacing_mm=(0.4, 0.9),
    validate_every=2,
)


def trained(config: TrainingConfig, store: Path, run: str = "run") -> TrainingResult:
    return train_network(config, store.parent / run, base=store.parent, device=DeviceChoice.CPU)


def test_two_steps_write_a_checkpoint_that_loads_and_runs(store: Path) -> None:
    result = trained(TINY, store)
    assert result.checkpoint == store.parent / "run" / "best.safetensors"
    checkpoint = load_checkpoint(result.checkpoint)
    header = checkpoint.header
    assert (header.model, dict(header.options)) == ("afunet", {"width": 4, "depth": 2})
    assert header.window_hu == (-300, 1300)
    assert header.spacing_mm == (0.4, 0.9)
    assert header.patch_px == 32
    assert header.training["data"] == ["store"]
    assert header.training["slices"] == [4]
    assert header.training["step"] == 2
    assert header.metrics["validation_dice_per_case"] == pytest.approx(
        result.validation_dice, abs=1e-5
    )
    assert 0 <= result.validation_dice <= 1
    with torch.no_grad():
        assert checkpoint.network()(torch.rand(1, 1, 32, 32)).isfinite().all()


@pytest.mark.parametrize(
    ("sides", "said"), [((), False), ((32, 256), True), ((32, 48), False), ((192, 256), False)]
)
def test_crops_of_many_sides_allow_windows_of_any_size(
    sides: tuple[int, ...], said: bool, store: Path
) -> None:
    crop = CropConfig(32, sizes_px=sides)
    header = load_checkpoint(trained(replace(TINY, crop=crop), store).checkpoint).header
    assert header.any_size is said
    assert header.patch_px == 32


def test_weights_that_allow_windows_of_any_size_still_do_after_fine_tuning(store: Path) -> None:
    many = CropConfig(32, sizes_px=(32, 256))
    first = trained(replace(TINY, crop=many), store, "first").checkpoint
    tuned = replace(TINY, start_from=str(first))
    for side, said in ((32, True), (24, False)):
        result = trained(replace(tuned, crop=CropConfig(side)), store, f"side{side}")
        assert load_checkpoint(result.checkpoint).header.any_size is said


def test_the_same_configuration_gives_the_same_weights(store: Path) -> None:
    digests = {load_checkpoint(trained(TINY, store, run).checkpoint).sha256 for run in ("a", "b")}
    assert len(digests) == 1


def test_bfloat16_is_trained_in_only_where_the_processor_has_it(
    store: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    config = replace(TINY, precision=Precision.BF16)
    flags = frozenset({"avx2", "avx512_bf16"})
    for known, used in ((flags, Precision.BF16), (flags - {"avx512_bf16"}, Precision.FP32)):
        cpu = Cpu("a processor", "x86_64", known, 1)
        monkeypatch.setattr("afunet.workflows.train.this_cpu", lambda cpu=cpu: cpu)
        chosen, findings = arithmetic(config.precision, DeviceChoice.CPU)
        assert chosen is used
        assert [finding.code for finding in findings] == ["NO_BFLOAT16"] * (used is Precision.FP32)
        trained(config, store, used)
    trained(replace(TINY, precision=Precision.FP32), store, "plain")
    bf16, fp32, plain = (losses_in(store.parent / run / LOG) for run in ("bf16", "fp32", "plain"))
    assert fp32 == plain != bf16


def test_half_precision_trains_too(store: Path) -> None:
    result = trained(replace(TINY, precision=Precision.BF16), store)
    weights = load_checkpoint(result.checkpoint).weights
    assert all(np.isfinite(weight).all() for weight in weights.values())


def test_a_network_of_three_slices_is_trained_on_stacks(store: Path) -> None:
    options = {"width": 4, "depth": 2, "input_slices": 3}
    result = trained(replace(TINY, options=options), store)
    network = load_checkpoint(result.checkpoint).network()
    with torch.no_grad():
        assert network(torch.rand(1, 3, 32, 32)).shape == (1, 1, 32, 32)


def test_a_run_starts_from_the_weights_of_another(store: Path) -> None:
    first = trained(TINY, store, "first").checkpoint
    still = replace(TINY, start_from="first/best.safetensors", steps=1, learning_rate=1e-12)
    second = trained(still, store, "second").checkpoint
    before, after = (load_checkpoint(path).weights["head.weight"] for path in (first, second))
    torch.testing.assert_close(after, before, atol=1e-8, rtol=0)


def test_weights_of_another_network_are_refused(store: Path) -> None:
    trained(TINY, store, "first")
    other = replace(TINY, start_from="first/best.safetensors", options={"width": 6, "depth": 2})
    with refused(ConfigError, "WEIGHTS_MISFIT", "start_from"):
        trained(other, store)


def test_weights_that_are_not_there_are_refused(store: Path) -> None:
    with refused(CheckpointError, "NO_WEIGHTS", "none.safetensors"):
        trained(replace(TINY, start_from="none.safetensors"), store)


def test_a_data_folder_that_is_not_there_is_refused(store: Path) -> None:
    with refused(InputError, "NO_SUCH_PATH", "elsewhere"):
        trained(replace(TINY, data=(DataConfig("elsewhere"),)), store)


@pytest.mark.parametrize("split", ["train", "val"])
def test_data_without_training_or_validation_slices_are_refused(store: Path, split: str) -> None:
    table = store / "slices.csv"
    table.write_text(table.read_text().replace(f",{split},", ",test,"))
    with refused(InputError, "NO_LABELLED_SLICE", split):
        trained(TINY, store)


def test_a_patient_in_the_training_of_one_folder_and_the_validation_of_another_is_refused(
    store: Path, tmp_path: Path
) -> None:
    other = tmp_path / "other"
    for kind in ("images", "masks"):
        (other / kind).mkdir(parents=True)
        Image.new("L", (32, 32)).save(other / kind / "00.png")
    (other / "slices.csv").write_text(
        "case,patient,slice,split,status,labelled\nx,leg02,0,train,checked,1\n"
    )
    both = replace(TINY, data=(DataConfig("store"), DataConfig("other")))
    with refused(InputError, "SPLITS_OVERLAP"):
        trained(both, store)


def test_exact_validation_slices_count_beside_checked_ones(
    store: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    table = store / "slices.csv"
    table.write_text(table.read_text().replace("leg02,1,val,checked", "leg02,1,val,exact"))
    seen: list[str] = []

    def dice(predictor: object, slices: tuple[LabelledSlice, ...], progress: object) -> float:
        seen.extend(item.record.status for item in slices)
        return 0.5

    monkeypatch.setattr("afunet.workflows.train.mean_case_dice", dice)
    trained(TINY, store)
    assert seen == ["checked", "exact"]


def test_validation_slices_see_their_neighbours_even_where_only_some_are_checked(
    store: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A network of three slices must be validated on what it was trained on: real neighbours."""
    table = store / "slices.csv"
    table.write_text(table.read_text().replace("leg02,1,val,checked", "leg02,1,val,auto"))
    seen: list[torch.Tensor] = []

    def dice(predictor: object, slices: tuple[object, ...], progress: object) -> float:
        seen.extend(torch.from_numpy(item.grey) for item in slices)  # type: ignore[attr-defined]
        return 0.5

    monkeypatch.setattr("afunet.workflows.train.mean_case_dice", dice)
    trained(replace(TINY, options={"width": 4, "depth": 2, "input_slices": 3}), store)
    (stack,) = seen  # only level 0 is checked
    assert torch.equal(stack[0], stack[1])  # the first level, repeated
    assert not torch.equal(stack[1], stack[2])  # level 1, unchecked but there


def test_a_finished_run_comes_back_without_reading_its_data_again(store: Path) -> None:
    first = trained(TINY, store)
    (store / "slices.csv").unlink()
    assert trained(TINY, store) == first
    with refused(InputError, "NO_SLICE_TABLE", "slices.csv"):
        trained(replace(TINY, seed=5), store)
