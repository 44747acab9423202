"""The true fragments of the demo above the pieces that were found, in the same colours."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence

import numpy as np
from PIL import Image, ImageDraw

from afunet.anatomy.bones import Bone, Side
from afunet.evaluation.fragments import FragmentMatch
from afunet.geometry import Box, LabelMap, Volume, box_within, label_boxes
from afunet.reconstruction.surface import surface
from afunet.report.drawing import write
from afunet.report.palette import Colour, colour_of
from afunet.report.surfaces.coloured_mesh import ColouredMesh
from afunet.report.surfaces.scene import render_scene

FRAGMENTS_PICTURE = "fragments.png"
Named = tuple[str, Colour]
NO_MATCH: Named = ("no fragment", (150, 150, 150))
SIZE = (1280, 560)
INK: Colour = (52, 62, 76)


def fragments_picture(
    truth: LabelMap, pieces: Volume, matches: Sequence[FragmentMatch]
) -> Image.Image:
    """Draw the truth and the pieces on its grid; `matches` are those of `match_fragments`.

    A piece has the colour of the true fragment that it overlaps best, grey if it is that of none.
    """
    true = _coloured(truth)
    of_piece = {match.found: true[match.true] for match in sorted(matches, key=lambda one: one.iou)}
    found = {
        label: of_piece.get(label, NO_MATCH) for label in np.unique(pieces.voxels).tolist() if label
    }
    rows = [_row("the truth", truth.volume, true), _row("what was found", pieces, found)]
    picture = Image.new("RGB", (SIZE[0], sum(row.height for row in rows)))
    for number, row in enumerate(rows):
        picture.paste(row, (0, number * rows[0].height))
    return picture


def _coloured(truth: LabelMap) -> dict[int, Named]:
    """Each fragment's name and colour: that of its bone and of its rank by size, largest first."""
    rank: Counter[tuple[Bone, Side | None]] = Counter()
    sizes = np.bincount(truth.volume.voxels.ravel(), minlength=max(truth.names) + 1)
    found = {}
    for label in sorted(truth.names, key=lambda label: -int(sizes[label])):
        name = truth.names[label]
        bone = Bone.of(name), next((side for side in Side if side in name), None)
        rank[bone] += 1
        found[label] = name, colour_of(bone[0], rank[bone], bone[1])
    return found


def _row(caption: str, labels: Volume, named: Mapping[int, Named]) -> Image.Image:
    boxes = label_boxes(labels.voxels)
    meshes = [
        ColouredMesh(surface(_alone(labels, boxes[label], label)), name, colour)
        for label, (name, colour) in named.items()
        if label in boxes
    ]
    row = render_scene(meshes, size=SIZE).image
    right = row.width - 16, 8
    write(ImageDraw.Draw(row), right, caption, size=22, colour=INK, anchor="ra")
    return row


def _alone(labels: Volume, box: Box, label: int) -> Volume:
    around = box_within(box, 2 * max(labels.array_spacing_mm), labels.array_spacing_mm)
    affine = labels.affine.copy()
    affine[:3, 3] = labels.to_mm([side.start for side in reversed(around)])
    return Volume((labels.voxels[around] == label).astype(np.uint8), affine)
