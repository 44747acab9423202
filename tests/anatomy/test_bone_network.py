"""The network that names bones: what it sees, and its file."""

import json
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors import safe_open
from safetensors.numpy import save_file
from tests.refusals import refused

from afunet.anatomy.bone_module import BoneNamerModule
from afunet.anatomy.bone_network import (
    BONE_NAMES,
    BoneNamerConfig,
    surroundings,
)
from afunet.errors import CheckpointError
from afunet.models.weights_file import digest_of

CONFIG = BoneNamerConfig(("femur", "tibia", "other"), cells=(1, 4), seen_from=1, widths=(8, 4))


def assert_close(found: np.ndarray, expected: np.ndarray) -> None:
    np.testing.assert_allclose(found, expected, rtol=1e-5, atol=1e-6)


@pytest.fixture
def network() -> BoneNamerModule:
    torch.manual_seed(0)
    return BoneNamerModule(CONFIG).eval()


def test_there_is_a_logit_for_each_class_and_one_for_the_side(network: BoneNamerModule) -> None:
    with torch.inference_mode():
        assert network(torch.rand(7, 3 * 125)).shape == (7, 4)
    assert CONFIG.inputs == 3 * 125


def test_a_place_sees_the_means_of_boxes_about_it() -> None:
    rng = np.random.default_rng(1)
    full, seen = rng.random((30, 40, 35)), rng.random((30, 40, 35)) > 0.5
    places = np.array([[15, 20, 17], [14, 19, 16]])
    found = surroundings(full, seen, places, CONFIG) ** 2
    near, wide, shown = found.reshape(2, 3, 5, 5, 5).swapaxes(0, 1)
    assert_close(near[0], full[13:18, 18:23, 15:20])
    # Boxes of 4 voxels: the middle one goes from 2 voxels before the place to 1 behind it.
    assert_close(wide[0, 2, 2, 2], full[13:17, 18:22, 15:19].mean())
    assert_close(wide[0, 4, 2, 0], full[21:25, 18:22, 7:11].mean())
    assert_close(shown[1, 2, 3, 2], seen[12:16, 21:25, 14:18].mean())


def test_beyond_the_grid_there_is_nothing() -> None:
    ones = np.ones((6, 6, 6))
    found = surroundings(ones, ones, np.array([[0, 0, 0]]), CONFIG) ** 2
    near = found.reshape(3, 5, 5, 5)[0]
    assert near[:2].sum() == near[:, :2].sum() == near[..., :2].sum() == 0
    assert (near[2:, 2:, 2:] == 1).all()


def test_what_was_saved_is_loaded(tmp_path: Path, network: BoneNamerModule) -> None:
    BONE_NAMES.save(tmp_path / "names.safetensors", network, {"steps": 3})
    loaded = BONE_NAMES.load_module(tmp_path / "names.safetensors", BoneNamerModule)
    assert loaded.config == CONFIG
    assert not loaded.training
    inputs = torch.rand(5, CONFIG.inputs)
    with torch.inference_mode():
        torch.testing.assert_close(loaded(inputs), network(inputs), atol=5e-3, rtol=5e-3)


def test_a_file_that_was_altered_or_is_none_is_refused(
    tmp_path: Path, network: BoneNamerModule
) -> None:
    path = tmp_path / "names.safetensors"
    BONE_NAMES.save(path, network, {})
    with safe_open(str(path), framework="np") as file:
        metadata = file.metadata()
        weights = {key: file.get_tensor(key) for key in file.keys()}  # noqa: SIM118
    weights["head.bias"] = weights["head.bias"] + 1
    save_file(weights, str(path), metadata)
    with refused(CheckpointError, "WEIGHTS_ALTERED"):
        BONE_NAMES.load_module(path, BoneNamerModule)
    header = json.loads(metadata[BONE_NAMES.entry])
    del header["config"], header["sha256"]
    header["sha256"] = digest_of(header, weights)
    save_file(weights, str(path), {BONE_NAMES.entry: json.dumps(header)})
    with refused(CheckpointError, "WEIGHTS_BROKEN", "names.safetensors"):
        BONE_NAMES.load_module(path, BoneNamerModule)
    with refused(CheckpointError, "NO_WEIGHTS"):
        BONE_NAMES.load_module(tmp_path / "none.safetensors", BoneNamerModule)
    with refused(CheckpointError, "NO_WEIGHTS"):
        BONE_NAMES.load(tmp_path / "none.onnx")
