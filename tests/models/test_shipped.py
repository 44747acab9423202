"""What is said of the shipped weights is what their files and the model card say."""

import json
import re
from pathlib import Path

import pytest
from safetensors import safe_open

from afunet.models import shipped as module
from afunet.models.checkpoint import load_checkpoint
from afunet.models.onnx_file import read_onnx
from afunet.models.shipped import (
    FAST_WEIGHTS,
    SHIPPED,
    SHIPPED_WEIGHTS,
    Shipped,
    shipped_facts,
    shipped_path,
    weights_path,
)

CARD = Path(__file__).parents[2] / "docs" / "model-card.md"


@pytest.mark.parametrize("shipped", SHIPPED, ids=lambda shipped: shipped.name)
def test_each_file_tells_its_digest_and_its_data(shipped: Shipped) -> None:
    told = shipped_facts(shipped)
    assert re.fullmatch(r"[0-9a-f]{12}", told.sha256)
    assert told.trained_on


def test_the_mask_has_the_score_of_the_model_card() -> None:
    mask = SHIPPED[0]
    assert load_checkpoint(shipped_path(mask.name)).sha256.startswith(shipped_facts(mask).sha256)
    (dice, slices, cases) = re.findall(r"[\d.]+", mask.score)[:3]
    row = f"| knees, test, {slices} `checked` slices of {cases} cases | {dice} |"
    assert row in CARD.read_text(encoding="utf-8")


def test_every_shipped_weights_file_is_listed() -> None:
    here = {path.name for path in shipped_path().parent.glob("*.safetensors")}
    assert here == {shipped.name for shipped in SHIPPED}


@pytest.mark.parametrize("shipped", SHIPPED, ids=lambda shipped: shipped.name)
def test_each_has_an_onnx_file_of_the_same_header_and_weights(shipped: Shipped) -> None:
    """Entries and digests; that both networks say the same is in `test_export`."""
    path = shipped_path(shipped.name)
    with safe_open(str(path), framework="np") as file:
        ((entry, text),) = file.metadata().items()
    graph = read_onnx(path.with_suffix(".onnx"), entry)
    told = {**graph.header, "sha256": graph.sha256}
    assert {key: told[key] for key in json.loads(text)} == json.loads(text)
    assert path.with_suffix(".onnx").stat().st_size < 1.01 * path.stat().st_size


def test_fast_takes_the_fast_weights_if_there_are_any(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "weights").mkdir()
    monkeypatch.setattr(module, "files", lambda package: tmp_path)
    assert shipped_path(fast=True) == shipped_path() == tmp_path / "weights" / SHIPPED_WEIGHTS
    (tmp_path / "weights" / FAST_WEIGHTS).touch()
    assert shipped_path(fast=True).name == FAST_WEIGHTS
    assert shipped_path().name == SHIPPED_WEIGHTS


def test_a_recipe_names_shipped_weights_or_a_path(tmp_path: Path) -> None:
    mine = tmp_path / "mine.safetensors"
    mine.touch()
    assert weights_path("shipped") == shipped_path()
    assert weights_path("bone-names.safetensors") == shipped_path("bone-names.safetensors")
    assert weights_path(str(mine)) == mine
    assert weights_path("mine.safetensors", tmp_path) == mine
