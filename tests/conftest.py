"""A scan whose bone is known voxel by voxel, a network that finds exactly it, and `afunet` itself.

The scan is a cylinder of bone in a cylinder of flesh in air; the network, a real checkpoint with
hand-set weights, marks whatever is denser than 500 HU.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pydicom
import pytest
import torch
from tests.refusals import holds

from afunet import cli
from afunet.geometry import Volume
from afunet.models import build_model
from afunet.models.checkpoint import save_checkpoint
from afunet.models.header import Header
from afunet.phantom import write_dicom_series
from afunet.terminal.messages import Level, Messages

AIR_HU, FLESH_HU, BONE_HU, THRESHOLD_HU = -1000, 50, 900, 500
SHAPE = (6, 48, 48)
BONE_PX, FLESH_PX = 8, 21
OPTIONS = {"width": 4, "depth": 2}
COLOUR = re.compile(r"\x1b\[[0-9;]*m")


PROGRESS = re.compile(r"^\[ *\d+ s\] .*\n", re.MULTILINE)


@dataclass(frozen=True)
class Outcome:
    """What a call of the command line gave; `err` without the lines of progress."""

    code: int
    out: str
    err: str
    progress: tuple[str, ...] = ()
    codes: tuple[str, ...] = ()
    """Those of what was said beside progress, as `--log json` tells them."""

    @property
    def refusal(self) -> str:
        """The one line it was refused with, without its "error: "."""
        assert self.code != 0
        assert self.out == ""
        assert self.err.startswith("error: ")
        assert self.err.endswith("\n")
        assert self.err.count("\n") == 1
        assert "Traceback" not in self.err
        return self.err.removeprefix("error: ").strip()

    def refused_as(self, code: str, *facts: object) -> None:
        """It was refused with this code, in one line that names these."""
        assert self.codes == (code,), self.err
        assert holds(self.refusal, *facts), self.refusal


@pytest.fixture(scope="session", autouse=True)
def _own_cache(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """What a run keeps for later runs is kept for this suite alone."""
    with pytest.MonkeyPatch.context() as patched:
        for name in ("XDG_CACHE_HOME", "LOCALAPPDATA"):
            patched.setenv(name, str(tmp_path_factory.mktemp("cache")))
        yield


@pytest.fixture(scope="session", autouse=True)
def one_thread() -> None:
    torch.set_num_threads(1)


@pytest.fixture
def run_afunet(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Callable[..., Outcome]:
    """`run_afunet("segment", path, "-o", out)` as from a shell that is no terminal."""

    def run(*arguments: object) -> Outcome:
        codes: list[str] = []
        say = Messages.say

        def heard(messages: Messages, level: Level, text: str, code: str = "") -> None:
            codes.append(code)
            say(messages, level, text, code)

        monkeypatch.setattr(sys, "argv", ["afunet", *map(str, arguments)])
        with monkeypatch.context() as patched:
            patched.setattr(Messages, "say", heard)
            with pytest.raises(SystemExit) as stopped:
                cli.main()
        printed = capsys.readouterr()
        code = 0 if stopped.value.code is None else int(stopped.value.code)
        err = COLOUR.sub("", printed.err)
        progress = tuple(line.strip() for line in PROGRESS.findall(err))
        out = COLOUR.sub("", printed.out)
        return Outcome(code, out, PROGRESS.sub("", err), progress, tuple(codes))

    return run


@pytest.fixture
def small_pictures(monkeypatch: pytest.MonkeyPatch) -> None:
    """The same pictures, smaller and drawn without a VTK process: most of a run's time."""
    from afunet.report.case import montage
    from afunet.report.surfaces import scene
    from afunet.workflows import case_pages, demo_picture, reconstruct

    draw = partial(scene.render_scene, size=(160, 120))
    monkeypatch.setattr(case_pages, "render_scene", draw)
    monkeypatch.setattr(reconstruct, "render_scene", draw)
    monkeypatch.setattr(demo_picture, "SIZE", (160, 120))
    monkeypatch.setattr(
        case_pages, "overlay_montage", partial(montage.overlay_montage, tiles=2, width=240)
    )
    monkeypatch.setattr(scene, "render_with_vtk", lambda *_: None)


@pytest.fixture(scope="session")
def cylinder() -> Volume:
    """6 × 48 × 48 voxels of 1 × 1 × 2 mm; the bone's radius is 8 mm, the flesh's 21 mm."""
    _, row, column = np.mgrid[: SHAPE[0], : SHAPE[1], : SHAPE[2]]
    radius = np.hypot(row - 23.5, column - 23.5)
    flesh_and_air = np.where(radius <= FLESH_PX, FLESH_HU, AIR_HU)
    hu = np.where(radius <= BONE_PX, BONE_HU, flesh_and_air).astype(np.int16)
    return Volume(hu, np.diag([1.0, 1.0, 2.0, 1.0]))


@pytest.fixture(scope="session")
def weights(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A checkpoint of a small AFU-Net that passes the image through and compares it with 500 HU."""
    path = tmp_path_factory.mktemp("weights") / "tiny.safetensors"
    header = Header("afunet", OPTIONS, (-300.0, 1300.0), (0.5, 2.0), 32)
    save_checkpoint(path, _threshold_network(), header)
    return path


@pytest.fixture(scope="session")
def write_dicom() -> Callable[..., Path]:
    """`write_dicom(folder, volume, seed, skip=(2,), PatientName=…)`: a series, and its folder."""

    def write(
        folder: Path, volume: Volume, seed: int = 0, skip: tuple[int, ...] = (), **elements: Any
    ) -> Path:
        for index, path in enumerate(write_dicom_series(volume, folder, seed)):
            if index in skip:
                path.unlink()
            elif elements:
                dataset = pydicom.dcmread(path)
                for keyword, value in elements.items():
                    setattr(dataset, keyword, value)
                dataset.save_as(path)
        return folder

    return write


def _threshold_network() -> torch.nn.Module:
    """Zeros everywhere but on one path, that of the finest skip connection's first channel."""
    network: Any = build_model("afunet", OPTIONS, seed=0)
    finest = network.decoder[-1]
    with torch.no_grad():
        for part in network.modules():
            if isinstance(part, torch.nn.Conv2d):
                for parameter in part.parameters():
                    parameter.zero_()
        encoder = [convolution[0] for convolution in network.encoder[0]]
        for passing in (*encoder, finest.low, finest.spatial.conv, finest.fuse[0]):
            middle = passing.kernel_size[0] // 2
            passing.weight[0, 0, middle, middle] = 1
        finest.spatial.attention.bias.fill_(20)  # a sigmoid of 1: nothing is weighed down
        network.head.weight[0, 0] = 40
        network.head.bias.fill_(-40 * (THRESHOLD_HU + 300) / 1600)
    return network.eval()  # type: ignore[no-any-return]
