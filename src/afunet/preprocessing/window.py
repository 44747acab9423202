"""The bone window: the range of HU that every network sees."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from afunet.errors import ConfigError


@dataclass(frozen=True)
class Window:
    """A range of Hounsfield units; values are clipped to it and scaled to [0, 1]."""

    low_hu: float
    high_hu: float

    def __post_init__(self) -> None:
        if not self.low_hu < self.high_hu:
            raise ConfigError(f"a window needs low < high, got [{self.low_hu}, {self.high_hu}]")

    def to_unit(self, hu: NDArray[Any]) -> NDArray[np.float32]:
        """HU of any shape → float32 in [0, 1]."""
        unit = (hu.astype(np.float32) - self.low_hu) / (self.high_hu - self.low_hu)
        return np.clip(unit, 0.0, 1.0, out=unit)

    def to_grey(self, hu: NDArray[Any]) -> NDArray[np.uint8]:
        """HU of any shape → 8-bit grey, as in the shared PNG exports."""
        return np.rint(self.to_unit(hu) * 255).astype(np.uint8)

    def from_grey(self, grey: NDArray[np.uint8]) -> NDArray[np.float32]:
        """8-bit grey of any shape → HU; values beyond the window were lost by clipping."""
        return self.low_hu + (self.high_hu - self.low_hu) / 255 * grey.astype(np.float32)


BONE_WINDOW = Window(-300.0, 1300.0)
