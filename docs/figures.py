"""Make the pictures of the documentation.

    .venv/bin/python -m docs.figures            # needs `make demo` and the data of AFUNET_DATA
    .venv/bin/python -m docs.figures geometry-forms.png

Without names, all pictures are made. Simulated pictures come from the demo, real slices from the
shared knees; the captions name their source.
"""

from __future__ import annotations

import os
import sys
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import pydicom
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont
from scipy import ndimage
from tests.torture.cases import CASES

from afunet.anatomy.bones import NAMED, Bone
from afunet.formats.readers import read_scan
from afunet.geometry import LabelMap, Volume
from afunet.phantom import Region, axial_grid, draw_leg, simulate
from afunet.phantom.drawing.examples import clean_knee, whole_limb
from afunet.preprocessing import BONE_WINDOW
from afunet.reconstruction import surface
from afunet.report.palette import Colour, colour_of
from afunet.report.surfaces.scene import ColouredMesh, render_scene
from afunet.workflows.segment import segment

DATA = Path(os.environ.get("AFUNET_DATA", "../shared/data"))
IMAGES = Path("docs/images")
TILE = 384
CAPTION = 30
PIXELS_PER_MM = 1.9
BONE_HU, AIR = 300, -1000


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
    """Return a square of `side` pixels around the tissue, brightened equally for every source."""
    rows, columns = np.nonzero(grey > 60)
    top = int(np.clip(np.median(rows) - side // 2, 0, grey.shape[0] - side))
    left = int(np.clip(np.median(columns) - side // 2, 0, grey.shape[1] - side))
    part = grey[top : top + side, left : left + side].astype(float) * 1.3
    return Image.fromarray(np.clip(part, 0, 255).astype(np.uint8))


def real_knee(case: str, level: int) -> np.ndarray:
    """Return a slice of the shared knees as grey levels."""
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


def segmented(scan: Path) -> Image.Image:
    """The overlay that `afunet segment` makes of a real scan."""
    with tempfile.TemporaryDirectory() as folder:
        segment(scan, folder)
        with Image.open(Path(folder) / "overlay.png") as picture:
            return reduced(picture)


def demo(name: str) -> Image.Image:
    """A picture of `make demo`."""
    with Image.open(Path("demo") / f"{name}.png") as picture:
        return reduced(picture)


def reduced(picture: Image.Image, width: int = 1100) -> Image.Image:
    """Return the picture at the width of a page."""
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
    """Return the palette's colour of "femur left"; "tibfib" has the colour of the tibia."""
    words = name.replace("tibfib", "tibia").split()
    bone = next((bone for bone in NAMED if bone in words), Bone.UNKNOWN)
    return colour_of(bone, 1, next((side for side in ("left", "right") if side in words), None))


def whole_limbs() -> Image.Image:
    """Draw both limbs of an LLP26 shape from their exact labels; takes about four minutes."""
    limb = simulate(whole_limb(DATA / "shapes-llp26" / "sample15.npz"))
    return reduced(coloured_bones(limb.bones))


def phantom_beside_real() -> Image.Image:
    """A real knee slice beside simulated ones."""
    real = around(real_knee("knee26", 29), 360)
    knee, hip = around(simulated_knee(28.0), 420), around(simulated_hip(704, 3), 460)
    return labelled(
        [
            ("real: knee26 of Musculoskeletal_Datasets (MIT)", real),
            ("simulated: parametric knee", knee),
            ("simulated: hip of LLP26 shapes (MPL-2.0)", hip),
        ]
    )


FORMS = {
    "numbers shuffled": "instance numbers shuffled",
    "feet first, supine": "feet first",
    "gantry tilt −25°, stated": "gantry tilted by 25°",
    "all files twice": "every file twice",
}


def geometry_forms() -> Image.Image:
    """Show one leg of the torture suite lengthwise: stacked by number, and as afunet reads it."""
    width, heights = 262, (370, 200)
    sheet = Image.new("RGB", (len(FORMS) * (width + 6) - 6, sum(heights) + 6 + CAPTION), "white")
    draw, font = ImageDraw.Draw(sheet), ImageFont.load_default(15)
    for place, (form, caption) in enumerate(FORMS.items()):
        left, top = place * (width + 6), CAPTION
        draw.text((left + width / 2, CAPTION / 2), caption, "black", font, anchor="mm")
        for picture, height in zip(lengthwise(form), heights, strict=True):
            tile = Image.new("L", (width, height))
            tile.paste(picture, ((width - picture.width) // 2, (height - picture.height) // 2))
            sheet.paste(tile, (left, top))
            top += height + 6
    return sheet


def lengthwise(form: str) -> tuple[Image.Image, Image.Image]:
    """Show a variant of the leg stacked by instance number, and as afunet reads it."""
    with tempfile.TemporaryDirectory() as folder:
        CASES[form].write(Path(folder))
        scan = read_scan(Path(folder) / CASES[form].read).volume
        files = [path for path in Path(folder).rglob("*") if path.is_file()]
        slices = sorted(map(pydicom.dcmread, files), key=lambda one: int(one.InstanceNumber))
    hu = np.stack([one.pixel_array * one.RescaleSlope + one.RescaleIntercept for one in slices])
    stacked = hu[:, :, int(np.argmax((hu > BONE_HU).sum(axis=(0, 1))))]
    row_mm, slice_mm = float(slices[0].PixelSpacing[0]), float(slices[0].SliceThickness)
    return grey_in_mm(stacked, row_mm, slice_mm), grey_in_mm(sagittal(scan), 1.0, 1.0)


def sagittal(scan: Volume) -> NDArray[np.float64]:
    """The patient's sagittal plane through the middle of the bone: 100 × 100 mm, head up."""
    middle_mm = scan.to_mm(np.argwhere(scan.voxels > BONE_HU).mean(axis=0)[::-1])
    down, back = np.meshgrid(np.arange(50, -50, -1), np.arange(-50, 50), indexing="ij")
    points_mm = middle_mm + np.stack([np.zeros(down.shape), back, down], axis=-1)
    homogeneous = np.concatenate([points_mm, np.ones((*down.shape, 1))], axis=-1)
    indices = homogeneous @ np.linalg.inv(scan.affine).T[:, :3]
    voxels = scan.voxels.astype(np.float64)
    return np.asarray(
        ndimage.map_coordinates(voxels, np.moveaxis(indices[..., ::-1], -1, 0), order=1, cval=AIR)
    )


def grey_in_mm(hu: NDArray[np.number], row_mm: float, slice_mm: float) -> Image.Image:
    """Return a plane (slice, row) in the bone window, true to scale."""
    slices, rows = hu.shape
    size = round(rows * row_mm * PIXELS_PER_MM), round(slices * slice_mm * PIXELS_PER_MM)
    return Image.fromarray(BONE_WINDOW.to_grey(hu)).resize(size, Image.Resampling.BILINEAR)


PICTURES: dict[str, Callable[[], Image.Image]] = {
    "pelvis-overlay.png": lambda: segmented(DATA / "pelvis-3mm" / "ct.nii.gz"),
    "arms-overlay.png": lambda: segmented(DATA / "arms-dicom" / "dicom"),
    "demo-overlay.png": lambda: demo("result/overlay"),
    "demo-fragments.png": lambda: demo("fragments"),
    "llp26-limb.png": whole_limbs,
    "phantom-beside-real.png": phantom_beside_real,
    "geometry-forms.png": geometry_forms,
}


def main() -> None:
    """Write the named pictures, or all of them, into docs/images."""
    for name in sys.argv[1:] or PICTURES:
        PICTURES[name]().save(IMAGES / name, optimize=True)


if __name__ == "__main__":
    main()
