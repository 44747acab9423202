"""Matplotlib figures without a window, all in one style."""

from __future__ import annotations

from io import BytesIO
from typing import TYPE_CHECKING

from afunet.extras import require_extra

if TYPE_CHECKING:
    from matplotlib.figure import Figure

INK = "#1b1f24"
QUIET = "#6b7480"
GRID = "#dfe3e8"
# Okabe & Ito: colour-blind readers can distinguish them too.
COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#7F7F7F", "#000000")
DPI = 200


def require_matplotlib() -> None:
    """Raise `ConfigError` if the `train` extra is missing: to be called before the work."""
    require_extra("matplotlib")


def new_figure(width_in: float, height_in: float) -> Figure:
    """Return an empty white figure without a window."""
    require_matplotlib()
    from matplotlib.figure import Figure

    return Figure(figsize=(width_in, height_in), facecolor="white", layout="constrained")


def png(figure: Figure) -> bytes:
    """Return the figure as PNG."""
    buffer = BytesIO()
    figure.savefig(buffer, format="png", dpi=DPI, metadata={"Software": None})
    return buffer.getvalue()
