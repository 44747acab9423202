"""PNG masks as programs write them: 0 and 1, 0 and 255, palettes, colour, 16 bits, alpha."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from afunet.errors import InputError
from afunet.findings import Finding, info

MOST_NAMED = 6
WHITE = 255  # of 8 bits; that of 16 bits and all colours are above it
# A palette's number or a grey level; the others are colours.
GREY_MODES = ("1", "L", "I", "I;16", "I;16B", "I;16L")


def mask_values(image: Image.Image) -> NDArray[np.int64]:
    """What a mask's pixels say, (H, W): the grey level, or red · 2¹⁶ + green · 2⁸ + blue.

    Transparent pixels are black, a palette is looked through, and a colour of three equal parts is
    that grey. 0 is therefore always black.
    """
    if image.mode in GREY_MODES and "transparency" not in image.info:
        return np.asarray(image).astype(np.int64)
    seen = Image.alpha_composite(Image.new("RGBA", image.size, "black"), image.convert("RGBA"))
    red, green, blue = np.moveaxis(np.asarray(seen, dtype=np.int64)[..., :3], -1, 0)
    is_grey = (red == green) & (green == blue)
    return np.asarray(np.where(is_grey, red, (red << 16) + (green << 8) + blue))


def bone_value(values: Iterable[int]) -> int:
    """The one value beside 0 that a mask holds: 1, white or a colour; 1 where it holds none.

    Raises `InputError` for several and for grey levels between: smooth edges, or labels that
    PNGs have no names for.
    """
    others = sorted(set(values) - {0})
    if len(others) > 1 or any(1 < value < WHITE for value in others):
        named = ", ".join(map(str, others[:MOST_NAMED])) + (
            " …" if len(others) > MOST_NAMED else ""
        )
        raise InputError(
            f"a PNG mask must hold 0 and one value for bone, as 1 or 255, got {named} beside 0: "
            "write bone as one value, without smooth edges",
            code="NOT_BINARY",
        )
    return others[0] if others else 1


def binary_mask(values: NDArray[Any], bone: int) -> NDArray[np.uint8]:
    """0 and 1 of a mask's values."""
    return np.asarray(values == bone, dtype=np.uint8)


def bone_value_finding(bone: int) -> tuple[Finding, ...]:
    """A note that another value than 1 stands for bone."""
    if bone == 1:
        return ()
    shown = str(bone) if bone < 1 << 16 else f"the colour #{bone:06x}"
    return (info("MASK_VALUE", f"the PNG masks write bone as {shown}", "taken as 1"),)
