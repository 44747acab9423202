"""Those who talk to the node: scanners that send, and an archive that takes results."""

from __future__ import annotations

import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from pydicom import dcmread
from pydicom.dataset import Dataset
from pydicom.uid import generate_uid
from pynetdicom import AE, evt
from pynetdicom.presentation import StoragePresentationContexts
from pynetdicom.sop_class import CTImageStorage

from afunet.geometry import Volume
from afunet.phantom.dicom import write_dicom_series

SIDE_PX, PIXEL_MM, SLICE_MM = 64, 2.0, 3.0
WAIT_S = 120.0


@dataclass(frozen=True)
class Sent:
    """What became of a series, and when, by the clock that all processes share."""

    acknowledged: int
    refused: int
    slowest_s: float = 0.0
    began: float = 0.0
    ended: float = 0.0


def sent(port: int, sender: int, slices: int, seed: int) -> Sent:
    """Send a series of its own for each seed; an association that is refused refuses all of it."""
    entity = AE(f"CT{sender}")
    entity.acse_timeout = entity.dimse_timeout = entity.network_timeout = WAIT_S
    entity.add_requested_context(CTImageStorage)
    made = entity.associate("127.0.0.1", port, ae_title="AFUNET")
    if not made.is_established:
        return Sent(0, slices)
    acknowledged, slowest_s, start = 0, 0.0, time.monotonic()
    for image in _images(slices, seed):
        began = time.monotonic()
        acknowledged += made.send_c_store(image).get("Status") == 0x0000
        slowest_s = max(slowest_s, time.monotonic() - began)
    made.release()
    return Sent(acknowledged, slices - acknowledged, slowest_s, start, time.monotonic())


def _images(slices: int, seed: int) -> Iterator[Dataset]:
    """A rod of bone in a cylinder of soft tissue, a little different in each slice."""
    with tempfile.TemporaryDirectory(prefix="afunet-series-") as folder:
        (path,) = write_dicom_series(_slab(), Path(folder), seed)
        image = dcmread(path)
    series, place = generate_uid(), list(image.ImagePositionPatient)
    for index in range(slices):
        image.SeriesInstanceUID, image.SOPInstanceUID = series, generate_uid()
        image.file_meta.MediaStorageSOPInstanceUID = image.SOPInstanceUID
        image.InstanceNumber = index + 1
        image.ImagePositionPatient = [*place[:2], f"{index * SLICE_MM:.1f}"]
        yield image


def _slab() -> Volume:
    row, column = np.mgrid[:SIDE_PX, :SIDE_PX] - SIDE_PX / 2
    apart_mm = np.hypot(row, column) * PIXEL_MM
    hu = np.where(apart_mm < 14, 700, np.where(apart_mm < 50, 40, -1000)).astype(np.int16)
    return Volume(hu[None], np.diag([PIXEL_MM, PIXEL_MM, SLICE_MM, 1.0]))


@contextmanager
def sink(port: int) -> Iterator[Counter[str]]:
    """Take results at a port and keep none; yields how often each object came."""
    taken = Counter[str]()

    def take(event: evt.Event) -> int:
        taken[str(event.request.AffectedSOPInstanceUID)] += 1
        return 0x0000

    entity = AE("ARCHIVE")
    entity.supported_contexts = StoragePresentationContexts
    server = entity.start_server(
        ("127.0.0.1", port), block=False, evt_handlers=[(evt.EVT_C_STORE, take)]
    )
    try:
        yield taken
    finally:
        server.shutdown()
