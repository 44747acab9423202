"""A bar of bone in flesh in air, eight slices of it, and what a perfect network would say."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import pytest

from afunet.fragments.cut import Suspicion
from afunet.geometry import Volume
from afunet.inference.cleanup import CleanUp
from afunet.inference.trust.evidence import Evidence
from afunet.inference.volume import Prediction
from afunet.preprocessing.grid import WorkingGrid
from afunet.preprocessing.orientation import Axial

SHAPE = (9, 60, 60)
AFFINE = np.diag([1.0, 1.0, 2.0, 1.0])
NOTHING_DONE = CleanUp(0, 0.0, 0, 0.0, 0.0, 1, 1000.0)


@pytest.fixture
def hu() -> np.ndarray:
    """Flesh of 50 HU (radius 26 px), in its middle a bone of 900 HU, 16 px wide; air around."""
    _, row, column = np.mgrid[: SHAPE[0], : SHAPE[1], : SHAPE[2]]
    values = np.where(np.hypot(row - 29.5, column - 29.5) < 26, 50, -1000)
    values[:, 22:38, 22:38] = 900
    return np.asarray(values, dtype=np.int16)


@pytest.fixture
def evidence_of() -> Callable[..., Evidence]:
    """`evidence_of(hu)`: mask is what is denser than 500 HU, certain unless told otherwise."""

    def make(
        hu: np.ndarray,
        *,
        mask: np.ndarray | None = None,
        predicted: np.ndarray | None = None,
        probability: np.ndarray | None = None,
        labels: np.ndarray | None = None,
        cleaned: CleanUp = NOTHING_DONE,
        affine: Any = AFFINE,
        spacing_known: bool = True,
        suspected: Sequence[Suspicion] = (),
    ) -> Evidence:
        mask = np.asarray(hu > 500 if mask is None else mask, dtype=np.uint8)
        predicted = mask if predicted is None else np.asarray(predicted, dtype=np.uint8)
        scan = Volume(hu, affine)
        grid = WorkingGrid(hu.shape[1:], hu.shape[1:])
        kept = predicted * np.uint8(255) if probability is None else probability
        axial = Axial.of(scan)
        predictions = (axial.turned(scan.with_voxels(one)) for one in (predicted, kept))
        found, probability_kept = predictions
        return Evidence.of(
            Prediction(axial, found, grid, (probability_kept,)),
            axial.turned(scan.with_voxels(mask)),
            scan.with_voxels(mask if labels is None else labels),
            cleaned,
            spacing_known=spacing_known,
            suspected=suspected,
        )

    return make
