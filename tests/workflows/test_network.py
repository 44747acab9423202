"""A network is loaded on any processor; one that is slow is a finding in the report."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from afunet.geometry import Volume
from afunet.inference.cpu import Cpu, this_cpu
from afunet.inference.device_choice import DeviceChoice
from afunet.workflows import network
from afunet.workflows.network import load_network


def on(cpu: Cpu, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(network, "this_cpu", lambda: cpu)


def test_without_avx2_it_runs_in_float32_and_says_that_it_is_slow(
    weights: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    old = replace(this_cpu(), architecture="x86_64", flags=frozenset({"sse4_2", "avx"}))
    on(old, monkeypatch)
    loaded = load_network(weights, DeviceChoice.CPU)
    assert [finding.code for finding in loaded.findings] == ["NO_AVX2"]
    assert loaded.engine.arithmetic == "float32"
    assert loaded.trial.seconds_per_window == {}
    assert loaded.engine.run(np.zeros((1, 1, 32, 32), np.float32)).shape == (1, 1, 32, 32)


def test_on_any_other_processor_nothing_is_said(
    weights: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    on(replace(this_cpu(), flags=frozenset({"avx2"})), monkeypatch)
    assert load_network(weights, DeviceChoice.CPU).findings == ()


@pytest.mark.usefixtures("small_pictures")
def test_the_finding_stands_in_the_report(
    cylinder: Volume, weights: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from afunet import SegmentOptions, segment

    on(replace(this_cpu(), architecture="x86_64", flags=frozenset({"avx"})), monkeypatch)
    case = segment(cylinder, options=SegmentOptions(weights, DeviceChoice.CPU))
    assert "NO_AVX2" in {finding.code for finding in case.report.findings}
    assert case.report.run.runtime == "torch"
