"""What is kept ready for the page of a case: scan and labels as arrays, surfaces as meshes.

All of it follows from the results and is made again when it is missing. Files that belong to one
version of the labels carry its name.
"""

from __future__ import annotations

import json
import time
import zlib
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import TypeVar

import numpy as np

from afunet.errors import InputError
from afunet.formats.readers import read_labels
from afunet.formats.writers import MASK_WRITERS
from afunet.geometry import Volume
from afunet.preprocessing.orientation import axial_view
from afunet.server.home import CaseFolder, write_json
from afunet.server.nifti_stream import NiftiStream, ras_view
from afunet.whole_file import whole_file
from afunet.workflows.edited_folder import version_of as version_of_results

SCAN, SCAN_PACKED, GRID = "scan.npy", "scan.nii.gz", "grid.json"
LOWEST_HU, HIGHEST_HU = -32768, 32767
FASTEST = 1
LOOKS, PAUSE_S = 10, 0.05
Read = TypeVar("Read")
GZIP_BITS = 31


def keep_scan(case: CaseFolder, scan: Volume) -> None:
    """Write a scan, in HU, as whole numbers on its own grid, and packed for the page."""
    case.view.mkdir(exist_ok=True)
    hu = np.clip(scan.voxels, LOWEST_HU, HIGHEST_HU)
    _save(case.view / SCAN, np.rint(hu).astype(np.int16))
    write_json(case.view / GRID, {"affine": scan.affine.tolist()})
    with whole_file(case.view / SCAN_PACKED) as unfinished, unfinished.open("wb") as file:
        for chunk in packed(NiftiStream(ras_view(kept_scan(case))).chunks()):
            file.write(chunk)


def kept_scan(case: CaseFolder) -> Volume:
    """Return the scan, mapped from its file; raises `FileNotFoundError` before it is there."""
    affine = json.loads((case.view / GRID).read_bytes())["affine"]
    return Volume(np.load(case.view / SCAN, mmap_mode="r"), affine)


def version_of(case: CaseFolder) -> str:
    """Return the name of the present version: it changes with every correction and every undo."""
    return settled(lambda: version_of_results(case.results))


def settled(read: Callable[[], Read]) -> Read:
    """Return what is read, again if it met the moment in which pages are put beside the results."""
    for _ in range(LOOKS):
        with suppress(FileNotFoundError, InputError):
            return read()
        time.sleep(PAUSE_S)
    return read()


def kept_labels(case: CaseFolder, version: str) -> Volume:
    """Return the label map of the present version, mapped from its file, which is made if needed.

    Labels are bytes if they fit, else two bytes each.
    """
    path = case.view / f"labels-{version}.npy"
    if not path.is_file():
        keep_labels(case, version, read_labels(label_map_of(case)))
    affine = json.loads((case.view / GRID).read_bytes())["affine"]
    return Volume(np.load(path, mmap_mode="r"), affine)


def keep_labels(case: CaseFolder, version: str, labels: Volume) -> None:
    """Write the label map of the present version as an array, in place of those of before."""
    path = case.view / f"labels-{version}.npy"
    small = np.uint8 if labels.voxels.max() < 256 else np.uint16
    _save(path, labels.voxels.astype(small, copy=False))
    for other in case.view.glob("labels-*.npy"):
        if other != path:
            other.unlink(missing_ok=True)


def label_map_of(case: CaseFolder) -> Path:
    """Return the file of the label map; raises `FileNotFoundError` if there is none."""
    for writer in MASK_WRITERS.values():
        if (found := case.results / f"instances{writer.suffix}").is_file():
            return found
    raise FileNotFoundError(case.results)


def axial(volume: Volume) -> Volume:
    """Return a volume with slices from the feet, rows to the back, columns to the left (a view)."""
    return axial_view(volume).apply(volume)


def packed(chunks: Iterator[bytes]) -> Iterator[bytes]:
    """Yield chunks as one gzip stream, packed quickly."""
    packer = zlib.compressobj(FASTEST, zlib.DEFLATED, GZIP_BITS)
    for chunk in chunks:
        if done := packer.compress(chunk):
            yield done
    yield packer.flush()


def _save(path: Path, voxels: np.ndarray) -> None:
    voxels = np.ascontiguousarray(voxels)
    with whole_file(path) as unfinished, unfinished.open("wb") as file:
        np.lib.format.write_array_header_1_0(file, np.lib.format.header_data_from_array_1_0(voxels))
        file.write(voxels.data)  # np.save would hide what the system refused
