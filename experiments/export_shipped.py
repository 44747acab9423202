"""Make the ONNX file of each weights file of a folder, those that the package ships by default.

    .venv/bin/python -m experiments.export_shipped

The header and the digest of the weights go into its metadata, and what the weights file stores as
float16 stays so. Run it after `ship_weights`, `train_bone_names`,
`train_limb_sides` or `train_contact`, whose files begin with "contacts".
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import torch

from afunet.anatomy.bone_module import BoneNamerModule
from afunet.anatomy.bone_network import BONE_NAMES
from afunet.anatomy.side_module import LimbSiderModule
from afunet.anatomy.side_network import LIMB_SIDES
from afunet.models.checkpoint import load_checkpoint
from afunet.models.contact_module import ContactModule
from afunet.models.contact_network import CONTACTS
from afunet.models.export import BOXES, export_module, export_onnx
from afunet.models.onnx_file import SUFFIX
from afunet.models.shipped import shipped_path
from benchmarks.bench import parser_of

NAMES, SIDES = "bone-names.safetensors", "limb-sides.safetensors"
CONTACT_PREFIX = "contacts"


def export(path: Path) -> Path:
    """Write the ONNX file beside a weights file, whose name says what it is."""
    target = path.with_suffix(SUFFIX)
    if path.name == NAMES:
        namer = BONE_NAMES.load_module(path, BoneNamerModule)
        export_module(BONE_NAMES, path, namer, torch.zeros(2, namer.config.inputs), target)
    elif path.name == SIDES:
        sider = LIMB_SIDES.load_module(path, LimbSiderModule)
        export_module(LIMB_SIDES, path, sider, torch.zeros(2, 2, *sider.config.size), target)
    elif path.name.startswith(CONTACT_PREFIX):
        network = CONTACTS.load_module(path, ContactModule)
        side = 2 * network.config.multiple
        example = torch.zeros(2, network.config.inputs, side, side, side)
        export_module(CONTACTS, path, network, example, target, BOXES)
    else:
        export_onnx(load_checkpoint(path), target)
    return target


def main(argv: Sequence[str] | None = None) -> None:
    """Export and print the sizes."""
    parser = parser_of(__doc__)
    parser.add_argument("folder", type=Path, nargs="?", default=shipped_path().parent)
    folder: Path = parser.parse_args(argv).folder
    for path in sorted(folder.glob("*.safetensors")):
        target = export(path)
        print(f"{target.name}: {target.stat().st_size / 1e6:.1f} MB")


if __name__ == "__main__":
    main()
