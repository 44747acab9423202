"""Throw broken DICOM at the reader: only errors of ours, nothing slow, nothing large.

    .venv/bin/python benchmarks/fuzz_dicom.py --inputs 20000

Each input is a small series of which one file is altered: bits flipped, cut, bytes swapped or
repeated, lengths made huge, sequences nested deeply, or a zip of it altered. It is listed and read
as `afunet inspect` and `afunet segment` would. A finding is any exception that is no
`AfunetError`, more than 5 s, more memory than the limit, or a refusal of more than one line. Prints
counts by mutation and outcome; exit code 1 and the seeds of the findings where there are any.
`--seed N --inputs 1` repeats one.
"""

from __future__ import annotations

import argparse
import resource
import signal
import sys
import tempfile
import time
import zipfile
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from types import FrameType

import numpy as np
from pydicom import dcmread
from pydicom.uid import JPEG2000Lossless, JPEGLSLossless, RLELossless

from afunet.errors import AfunetError
from afunet.formats.readers import list_series, read_scan
from afunet.geometry import Volume
from afunet.phantom import write_dicom_series

SECONDS, MEMORY_BYTES = 5, 4 << 30
SLICES, PIXELS = 6, 40
SYNTAXES = ("", RLELossless, JPEGLSLossless, JPEG2000Lossless)

Rng = np.random.Generator


class TooSlowError(Exception):
    """One input took longer than `SECONDS`."""


@dataclass(frozen=True)
class Outcome:
    seed: int
    mutation: str
    result: str
    finding: str = ""
    seconds: float = 0.0


def flip_bits(content: bytearray, rng: Rng) -> bytearray:
    for at in rng.integers(0, len(content), rng.integers(1, 40)):
        content[at] ^= 1 << int(rng.integers(8))
    return content


def flip_header(content: bytearray, rng: Rng) -> bytearray:
    for at in rng.integers(128, min(1400, len(content)), rng.integers(1, 12)):
        content[at] = int(rng.integers(256))
    return content


def cut(content: bytearray, rng: Rng) -> bytearray:
    return content[: int(rng.integers(0, len(content)))]


def repeat(content: bytearray, rng: Rng) -> bytearray:
    start, end = sorted(rng.integers(0, len(content), 2))
    return content[:end] + content[start:end] * int(rng.integers(1, 5)) + content[end:]


def swap(content: bytearray, rng: Rng) -> bytearray:
    a, b, c = sorted(rng.integers(0, len(content), 3))
    return content[:a] + content[b:c] + content[a:b] + content[c:]


def huge_lengths(content: bytearray, rng: Rng) -> bytearray:
    for at in rng.integers(132, len(content) - 4, 3):
        content[at : at + 4] = int(rng.choice([0xFFFFFFFF, 0xFFFFFFFE, 0x7FFFFFFF])).to_bytes(
            4, "little"
        )
    return content


def huge_image(content: bytearray, rng: Rng) -> bytearray:
    """Rows, Columns or NumberOfFrames far beyond the pixels that are there."""
    for tag in (b"\x28\x00\x10\x00US\x02\x00", b"\x28\x00\x11\x00US\x02\x00"):
        at = content.find(tag)
        if at >= 0 and rng.random() < 0.8:
            content[at + 8 : at + 10] = int(rng.integers(1000, 65536)).to_bytes(2, "little")
    return content


def nest(content: bytearray, rng: Rng) -> bytearray:
    """A sequence in a sequence in a sequence, a few thousand deep, before the pixels."""
    depth = int(rng.integers(50, 5000))
    item = b"\x08\x00\x40\x11SQ\x00\x00\xff\xff\xff\xff\xfe\xff\x00\xe0\xff\xff\xff\xff"
    at = content.find(b"\x28\x00\x02\x00US")
    return content[:at] + item * depth + content[at:]


MUTATIONS: dict[str, Callable[[bytearray, Rng], bytearray]] = {
    mutation.__name__.replace("_", " "): mutation
    for mutation in (flip_bits, flip_header, cut, repeat, swap, huge_lengths, huge_image, nest)
}
ZIPPED = ("zip flipped", "zip cut")


@cache
def originals() -> dict[str, list[bytes]]:
    """A series in each transfer syntax, as bytes a file."""
    level, row, column = np.mgrid[:SLICES, :PIXELS, :PIXELS]
    hu = np.where(np.hypot(row - 20, column - 20) < 14, 60, -1000)
    hu = np.where(np.hypot(row - 20, column - 20) < 7, 900 + 10 * level, hu).astype(np.int16)
    volume = Volume(hu, np.diag([0.8, 0.8, 2.0, 1.0]))
    found = {}
    with tempfile.TemporaryDirectory() as folder:
        paths = write_dicom_series(volume, Path(folder, "ct"))
        for syntax in SYNTAXES:
            for path in paths if syntax else ():
                dataset = dcmread(path)
                dataset.decompress() if dataset.file_meta.TransferSyntaxUID.is_compressed else None
                dataset.compress(syntax, generate_instance_uid=False)
                dataset.save_as(path)
            found[str(syntax)] = [path.read_bytes() for path in paths]
    return found


def write_input(seed: int, folder: Path) -> tuple[str, Path]:
    """The mutation's name and the path to read."""
    rng = np.random.default_rng(seed)
    files = originals()[str(rng.choice(SYNTAXES))]
    name = str(rng.choice([*MUTATIONS, *ZIPPED]))
    victim = int(rng.integers(len(files)))
    for number, content in enumerate(files):
        if number == victim and name in MUTATIONS:
            content = bytes(MUTATIONS[name](bytearray(content), rng))
        (folder / f"{number}.dcm").write_bytes(content)
    if name in MUTATIONS:
        return name, folder
    archive = folder.with_suffix(".zip")
    with zipfile.ZipFile(archive, "w", zipfile.ZIP_DEFLATED) as zipped:
        for path in sorted(folder.iterdir()):
            zipped.write(path, path.name)
    altered = bytearray(archive.read_bytes())
    altered = cut(altered, rng) if name == "zip cut" else flip_bits(altered, rng)
    archive.write_bytes(altered)
    return name, archive


def try_one(seed: int) -> Outcome:
    """Read one input with its limits on time and memory."""

    def too_slow(number: int, frame: FrameType | None) -> None:
        raise TooSlowError

    signal.signal(signal.SIGALRM, too_slow)
    with tempfile.TemporaryDirectory() as parent:
        folder = Path(parent, "ct")
        folder.mkdir()
        name, path = write_input(seed, folder)
        start = time.perf_counter()
        signal.alarm(SECONDS)
        try:
            list_series(path)
            read_scan(path)
            result, finding = "read", ""
        except AfunetError as error:
            result = error.code or "refused"
            finding = "more than one line" if "\n" in str(error) else ""
        except TooSlowError:
            result, finding = "slow", f"more than {SECONDS} s"
        except BaseException as error:
            result, finding = type(error).__name__, f"{type(error).__name__}: {error}"[:200]
        finally:
            signal.alarm(0)
        return Outcome(seed, name, result, finding, time.perf_counter() - start)


def limit_memory() -> None:
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY_BYTES, MEMORY_BYTES))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--inputs", type=int, default=20_000)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--processes", type=int, default=2)
    options = parser.parse_args()
    seeds = range(options.seed, options.seed + options.inputs)
    outcomes: list[Outcome] = []
    with ProcessPoolExecutor(options.processes, initializer=limit_memory) as pool:
        for outcome in pool.map(try_one, seeds, chunksize=50):
            outcomes.append(outcome)
            if sys.stderr.isatty() and len(outcomes) % 100 == 0:
                print(f"\r{len(outcomes)} of {len(seeds)}", end="", file=sys.stderr)
    for name in (*MUTATIONS, *ZIPPED):
        counts = Counter(one.result for one in outcomes if one.mutation == name)
        print(f"{name}: {', '.join(f'{what} {n}' for what, n in counts.most_common())}")
    found = [one for one in outcomes if one.finding]
    slowest = max(outcomes, key=lambda one: one.seconds)
    print(f"{len(outcomes)} inputs, slowest {slowest.seconds:.2f} s, {len(found)} findings")
    for one in found[:40]:
        print(f"seed {one.seed} ({one.mutation}): {one.finding}")
    sys.exit(bool(found))


if __name__ == "__main__":
    main()
