"""Read PNG masks as programs write them: 0/1, 0/255, palettes, colour, 16 bits, alpha."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from afunet.errors import InputError
from afunet.findings import Finding, info

MOST_NAMED = 6
WHITE = 255  # in 8 bits; white in 16 bits and all colours are larger numbers
# Modes whose pixels are grey levels; pixels in other modes are colours.
GREY_MODES = ("1", "L", "I", "I;16", "I;16B", "I;16L")


def mask_values(image: Image.Image) -> NDArray[np.int64]:
    """The values of a mask's pixels, (H, W): the grey level, or red · 2¹⁶ + green · 2⁸ + blue.

    Transparent pixels are black, palettes are resolved, and a colour with three equal parts is a
    grey level. So 0 is always black.
    """
    if image.mode in GREY_MODES and "transparency" not in image.info:
        return np.asarray(image).astype(np.int64)
    seen = Image.alpha_composite(Image.new("RGBA", image.size, "black"), image.convert("RGBA"))
    red, green, blue = np.moveaxis(np.asarray(seen, dtype=np.int64)[..., :3], -1, 0)
    is_grey = (red == green) & (green == blue)
    return np.asarray(np.where(is_grey, red, (red << 16) + (green << 8) + blue))


def bone_value(values: Iterable[int]) -> int:
    """Return the one value besides 0 in a mask: 1, white or a colour; 1 if there is none.

    Raises `InputError` for several values and for grey levels in between, which are smooth edges or
    labels that a PNG cannot name.
    """
    others = sorted(set(values) - {0})
    if len(others) > 1 or any(1 < value < WHITE for value in others):
        named = ", ".join(map(str, others[:MOST_NAMED])) + (
            " …" if len(others) > MOST_NAMED else ""
        )
        raise InputError(
            f"a PNG mask must hold 0 and one value for bone, such as 1 or 255, got {named} beside "
            "0: write bone as one value, without smooth edges",
            code="NOT_BINARY",
        )
    return others[0] if others else 1


def binary_mask(values: NDArray[Any], bone: int) -> NDArray[np.uint8]:
    """The 0/1 mask of the pixels with the value `bone`."""
    return np.asarray(values == bone, dtype=np.uint8)


def bone_value_finding(bone: int) -> tuple[Finding, ...]:
    """A finding if a value other than 1 stands for bone."""
    if bone == 1:
        return ()
    shown = str(bone) if bone < 1 << 16 else f"the colour #{bone:06x}"
    return (info("MASK_VALUE", f"the PNG masks write bone as {shown}", "taken as 1"),)
