"""Make the pictures of the documentation.

    .venv/bin/python docs/figures.py            # needs `make demo` and the data of AFUNET_DATA

Simulated pictures come from the demo; real slices from the shared knees, with their source named.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from afunet.phantom import Region, draw_leg, simulate
from afunet.preprocessing import BONE_WINDOW

DATA = Path(os.environ.get("AFUNET_DATA", "../shared/data"))
IMAGES = Path("docs/images")
TILE = 384
CAPTION = 30


def labelled(tiles: Sequence[tuple[str, Image.Image]]) -> Image.Image:
    """Square tiles in a row, each with a caption under it."""
    sheet = Image.new("RGB", (len(tiles) * (TILE + 6) - 6, TILE + CAPTION), "white")
    draw, font = ImageDraw.Draw(sheet), ImageFont.load_default(15)
    for place, (caption, tile) in enumerate(tiles):
        left = place * (TILE + 6)
        sheet.paste(tile.convert("RGB").resize((TILE, TILE), Image.Resampling.LANCZOS), (left, 0))
        draw.text((left + TILE / 2, TILE + CAPTION / 2), caption, "black", font, anchor="mm")
    return sheet


def around(grey: np.ndarray, side: int) -> Image.Image:
    """A square of `side` pixels about the tissue, brightened alike for every source."""
    rows, columns = np.nonzero(grey > 60)
    top = int(np.clip((rows.min() + rows.max()) // 2 - side // 2, 0, grey.shape[0] - side))
    left = int(np.clip((columns.min() + columns.max()) // 2 - side // 2, 0, grey.shape[1] - side))
    part = grey[top : top + side, left : left + side].astype(float) * 1.3
    return Image.fromarray(np.clip(part, 0, 255).astype(np.uint8))


def real_knee(case: str, level: int) -> np.ndarray:
    """A slice of the shared knees."""
    return np.asarray(Image.open(DATA / "knee" / case / "images" / f"{level:02d}.png").convert("L"))


def simulated(seed: int, region: Region, index: int) -> np.ndarray:
    """A slice of a random leg, in the bone window."""
    limbs = sorted((DATA / "shapes-llp26").glob("*.npz"))
    leg = simulate(draw_leg(seed, region=region, limb_files=limbs, slices=8))
    return BONE_WINDOW.to_grey(leg.volume.voxels[index])


def main() -> None:
    """Write all pictures into docs/images."""
    IMAGES.mkdir(parents=True, exist_ok=True)
    for name in ("overlay", "scene"):
        with Image.open(Path("demo/result") / f"{name}.png") as picture:
            picture.convert("RGB").save(IMAGES / f"demo-{name}.png", optimize=True)
    beside = labelled(
        [
            (
                "real: knee07 of Musculoskeletal_Datasets (MIT)",
                around(real_knee("knee07", 24), 300),
            ),
            ("simulated, parametric or LLP26 shapes", around(simulated(711, Region.KNEE, 5), 300)),
            ("simulated hip, LLP26 shapes (MPL-2.0)", around(simulated(704, Region.HIP, 3), 460)),
        ]
    )
    beside.save(IMAGES / "phantom-beside-real.png", optimize=True)


if __name__ == "__main__":
    main()
