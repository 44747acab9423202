"""Make the pictures of the documentation.

    .venv/bin/python docs/figures.py            # needs `make demo` and the data of AFUNET_DATA

Simulated pictures come from the demo; real slices from the shared knees, with their source named.
"""

from __future__ import annotations

import os
import tempfile
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from afunet.geometry import LabelMap
from afunet.phantom import Region, axial_grid, draw_leg, simulate
from afunet.phantom.drawing.examples import clean_knee, whole_limb
from afunet.preprocessing import BONE_WINDOW
from afunet.reconstruction import surface
from afunet.report.palette import Colour, colour_of, colour_table
from afunet.report.scene import ColouredMesh, render_scene
from afunet.workflows.segment import segment

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
    top = int(np.clip(np.median(rows) - side // 2, 0, grey.shape[0] - side))
    left = int(np.clip(np.median(columns) - side // 2, 0, grey.shape[1] - side))
    part = grey[top : top + side, left : left + side].astype(float) * 1.3
    return Image.fromarray(np.clip(part, 0, 255).astype(np.uint8))


def real_knee(case: str, level: int) -> np.ndarray:
    """A slice of the shared knees."""
    return np.asarray(Image.open(DATA / "knee" / case / "images" / f"{level:02d}.png").convert("L"))


def simulated_knee(height_mm: float) -> np.ndarray:
    """The parametric knee at a height above its joint line, in the bone window."""
    grid = axial_grid((1, 512, 512), 0.3, 1.0, (95.0, 8.0, height_mm))
    return BONE_WINDOW.to_grey(simulate(clean_knee(grid=grid)).volume.voxels[0])


def simulated_hip(seed: int, index: int) -> np.ndarray:
    """A slice of a random hip of LLP26 shapes, in the bone window."""
    limbs = sorted((DATA / "shapes-llp26").glob("*.npz"))
    leg = simulate(draw_leg(seed, Region.HIP, limbs, slices=8))
    return BONE_WINDOW.to_grey(leg.volume.voxels[index])


def segmented(scan: Path, name: str) -> None:
    """The overlay that `afunet segment` makes of a real scan."""
    with tempfile.TemporaryDirectory() as folder:
        segment(scan, folder)
        with Image.open(Path(folder) / "overlay.png") as picture:
            reduced(picture).save(IMAGES / f"{name}-overlay.png", optimize=True)


def reduced(picture: Image.Image, width: int = 1100) -> Image.Image:
    """As wide as a page."""
    height = round(picture.height * width / picture.width)
    return picture.convert("RGB").resize((width, height), Image.Resampling.LANCZOS)


def coloured_bones(bones: LabelMap) -> Image.Image:
    """The surfaces of all bones of a label map, each in the colour that afunet gives it."""
    meshes = [
        ColouredMesh(surface(bones.mask(name)), name, colour_of_words(name))
        for name in bones.names.values()
    ]
    return render_scene(meshes, size=(1500, 1000)).image


def colour_of_words(name: str) -> Colour:
    """The palette's colour of "femur left"; a tibia that holds the fibula is a tibia."""
    words = name.replace("tibfib", "tibia").split()
    known = [row for row in colour_table() if row.rank == 1]
    bone = next((row.bone for row in known if row.bone in words), "unknown")
    return colour_of(bone, 1, next((side for side in ("left", "right") if side in words), None))


def main() -> None:
    """Write all pictures into docs/images."""
    IMAGES.mkdir(parents=True, exist_ok=True)
    segmented(DATA / "pelvis-3mm" / "ct.nii.gz", "pelvis")
    segmented(DATA / "arms-dicom" / "dicom", "arms")
    for name in ("overlay", "scene"):
        with Image.open(Path("demo/result") / f"{name}.png") as picture:
            reduced(picture).save(IMAGES / f"demo-{name}.png", optimize=True)
    beside = labelled(
        [
            (
                "real: knee26 of Musculoskeletal_Datasets (MIT)",
                around(real_knee("knee26", 29), 360),
            ),
            ("simulated: parametric knee", around(simulated_knee(28.0), 420)),
            ("simulated: hip of LLP26 shapes (MPL-2.0)", around(simulated_hip(704, 3), 460)),
        ]
    )
    limb = simulate(whole_limb(DATA / "shapes-llp26" / "sample15.npz"))  # some four minutes
    reduced(coloured_bones(limb.bones)).save(IMAGES / "llp26-limb.png", optimize=True)
    beside.save(IMAGES / "phantom-beside-real.png", optimize=True)


if __name__ == "__main__":
    main()
