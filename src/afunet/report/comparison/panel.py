"""The panel of the paper's Fig. 5: image, truth and each network side by side."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeVar

import numpy as np
from numpy.typing import NDArray

from afunet.errors import ConfigError
from afunet.report.figure import INK, QUIET, new_figure, png

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

TRUE, FALSE_POSITIVE, FALSE_NEGATIVE = "#F2F0E6", "#E8590C", "#22B8E6"
_TRUE_COVER, _ERROR_COVER = 0.45, 0.95
_MARGIN_PX = 14
_TILE_IN = 1.42
Pixel = TypeVar("Pixel", np.uint8, np.bool_)


@dataclass(frozen=True, eq=False)
class PanelRow:
    """One slice: grey (H, W) in 0–255, its truth, and each network's mask with its Dice."""

    caption: str
    grey: NDArray[np.uint8]
    truth: NDArray[np.bool_]
    masks: Sequence[NDArray[np.bool_]]
    dice: Sequence[float]


def draw_panel(networks: Sequence[str], rows: Sequence[PanelRow]) -> bytes:
    """Draw the panel as PNG; all tiles show squares of the same size in pixels."""
    if not rows:
        raise ConfigError("a panel needs at least one slice")
    side = max(_extent_px(row) for row in rows) + 2 * _MARGIN_PX
    columns = 2 + len(networks)
    figure = new_figure(columns * _TILE_IN + 0.35, len(rows) * _TILE_IN + 0.62)
    figure.set_layout_engine("constrained", w_pad=0.015, h_pad=0.015, wspace=0, hspace=0)
    axes = figure.subplots(len(rows), columns, squeeze=False)
    for place, row in enumerate(rows):
        _draw_row(axes[place], row, side)
    for axis, title in zip(axes[0], ("image", "truth", *networks), strict=True):
        axis.set_title(title, fontsize=8.5, color=INK, pad=4)
    _legend(figure)
    return png(figure)


def _draw_row(axes: Sequence[Axes], row: PanelRow, side: int) -> None:
    from matplotlib.patheffects import withStroke

    crop = _square(row, side)
    grey = _cut(row.grey, crop)
    truth = _cut(row.truth, crop)
    pictures = [_coloured(grey, truth & False, truth & False), _coloured(grey, truth, truth)]
    pictures += [_coloured(grey, truth, _cut(mask, crop)) for mask in row.masks]
    for axis, picture in zip(axes, pictures, strict=True):
        axis.imshow(picture, interpolation="nearest")
        axis.set_xticks([])
        axis.set_yticks([])
        for spine in axis.spines.values():
            spine.set_visible(False)
    halo = [withStroke(linewidth=2.2, foreground=INK)]
    axes[0].set_ylabel(row.caption, fontsize=6.5, color=INK, labelpad=3)
    for axis, dice in zip(axes[2:], row.dice, strict=True):
        axis.text(
            0.965,
            0.035,
            f"{100 * dice:.1f}",
            transform=axis.transAxes,
            ha="right",
            va="bottom",
            fontsize=7.5,
            color="white",
            path_effects=halo,
        )


def _coloured(
    grey: NDArray[np.uint8], truth: NDArray[np.bool_], mask: NDArray[np.bool_]
) -> NDArray[np.uint8]:
    """Return the slice in colour, (H, W) → (H, W, 3): found bone pale, errors coloured."""
    picture = np.repeat(grey[..., None].astype(np.float64), 3, axis=2)
    for where, colour, cover in (
        (truth & mask, TRUE, _TRUE_COVER),
        (mask & ~truth, FALSE_POSITIVE, _ERROR_COVER),
        (truth & ~mask, FALSE_NEGATIVE, _ERROR_COVER),
    ):
        rgb = np.array([int(colour[i : i + 2], 16) for i in (1, 3, 5)])
        picture[where] = (1 - cover) * picture[where] + cover * rgb
    return picture.round().astype(np.uint8)


def _legend(figure: Figure) -> None:
    from matplotlib.patches import Patch

    handles = [
        Patch(facecolor=TRUE, edgecolor=QUIET, linewidth=0.5, label="bone, found"),
        Patch(facecolor=FALSE_POSITIVE, label="false positive"),
        Patch(facecolor=FALSE_NEGATIVE, label="false negative (missed)"),
        Patch(facecolor="none", edgecolor="none", label="number: Dice of the slice, %"),
    ]
    figure.legend(
        handles=handles,
        loc="outside lower center",
        ncols=4,
        fontsize=7.5,
        frameon=False,
        labelcolor=INK,
        handlelength=1.1,
        columnspacing=1.6,
    )


def _shown(row: PanelRow) -> NDArray[np.bool_]:
    return row.truth if row.truth.any() else np.ones_like(row.truth)


def _extent_px(row: PanelRow) -> int:
    rows, columns = np.nonzero(_shown(row))
    return int(max(np.ptp(rows), np.ptp(columns))) + 1


def _square(row: PanelRow, side: int) -> tuple[int, int, int]:
    """Return top, left and side of the square around the centre of the true bone."""
    rows, columns = np.nonzero(_shown(row))
    middle = (int(rows.min() + rows.max()) // 2, int(columns.min() + columns.max()) // 2)
    return middle[0] - side // 2, middle[1] - side // 2, side


def _cut(plane: NDArray[Pixel], square: tuple[int, int, int]) -> NDArray[Pixel]:
    """Return the square of a slice (H, W), zero outside the slice."""
    top, left, side = square
    padded = np.pad(plane, side)
    return padded[top + side : top + 2 * side, left + side : left + 2 * side]
