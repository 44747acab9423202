from pathlib import Path

import numpy as np
import pytest

from afunet.errors import Cancelled, CheckpointError
from afunet.formats.readers import read_labels
from afunet.phantom import LegConfig
from afunet.progress import CancelToken
from afunet.workflows import demo as module
from afunet.workflows.demo import demo
from afunet.workflows.segment import SegmentOptions

pytestmark = pytest.mark.usefixtures("small_pictures")


def test_the_demo_simulates_segments_and_compares(
    tiny_leg: LegConfig, weights: Path, tmp_path: Path
) -> None:
    done = demo(tmp_path / "demo", SegmentOptions(weights=weights), tiny_leg)
    assert {path.name for path in (tmp_path / "demo").iterdir()} == {"phantom", "result"}
    assert done.scan == tmp_path / "demo" / "phantom" / "dicom"
    assert done.case.folder == tmp_path / "demo" / "result"
    mask = read_labels(done.case.folder / "mask.nii.gz").voxels > 0
    truth = read_labels(tmp_path / "demo" / "phantom" / "truth.nii.gz").voxels > 0
    assert 0 < done.dice < 1
    assert done.dice == pytest.approx(2 * np.sum(mask & truth) / (mask.sum() + truth.sum()))


def test_the_demo_can_be_run_again(tiny_leg: LegConfig, weights: Path, tmp_path: Path) -> None:
    options = SegmentOptions(weights=weights)
    first, again = (demo(tmp_path / "demo", options, tiny_leg) for _ in range(2))
    assert first.dice == again.dice


def test_without_usable_weights_nothing_is_simulated(
    tiny_leg: LegConfig, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "write_phantom", lambda *_, **__: pytest.fail("it was simulated"))
    with pytest.raises(CheckpointError, match="no weights file"):
        demo(tmp_path / "demo", SegmentOptions(weights=tmp_path / "none"), tiny_leg)
    assert list(tmp_path.iterdir()) == []


def test_the_demo_can_be_cancelled(tiny_leg: LegConfig, weights: Path, tmp_path: Path) -> None:
    cancel = CancelToken()

    def progress(stage: str, done: int, total: int) -> None:
        if stage == "segmenting":
            cancel.cancel()

    options = SegmentOptions(weights=weights)
    with pytest.raises(Cancelled):
        demo(tmp_path, options, tiny_leg, progress=progress, cancel=cancel)
    assert not (tmp_path / "result").exists()
