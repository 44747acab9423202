"""Throw broken DICOM at the reader: only errors of ours, nothing slow, nothing large.

    .venv/bin/python -m benchmarks.fuzz_dicom --inputs 20000

Each input is a small series in one of the torture suite's forms, of which one file is altered:
bits flipped, cut, bytes swapped or repeated, lengths made huge, sequences nested deeply; or a zip
of it altered, or one that holds a bomb. It is listed and read as `afunet inspect` and `afunet
segment` would. A finding is any exception that is no `AfunetError`, an ended process, more than
5 s, more memory than the limit, or a refusal of more than one line. Prints counts by mutation and
outcome; exit code 1 and the seeds of the findings where there are any. `--seed N --inputs 1`
repeats one.
"""

from __future__ import annotations

import resource
import signal
import sys
import tempfile
import time
import zipfile
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from types import FrameType

import numpy as np
from tests.torture import archives
from tests.torture.cases import CASES

from afunet.errors import AfunetError
from afunet.formats.readers import list_series, read_scan
from benchmarks.bench import parser_of

SECONDS, MEMORY_BYTES = 5, 4 << 30
MOST_FILES, BATCH = 6, 200
FORMS = (
    "plain",
    "implicit little endian",
    "explicit big endian, signed",
    "deflated",
    "no preamble (explicit)",
    "RLE",
    "JPEG lossless (selection value 1)",
    "JPEG-LS lossless",
    "JPEG 2000 lossless",
    "HTJ2K lossless",
    "JPEG baseline, 8 bits",
    "enhanced multi-frame",
    "enhanced multi-frame, JPEG-LS",
)

Rng = np.random.Generator


class TooSlowError(BaseException):
    """One input took longer than `SECONDS`; no `except Exception` on the way swallows it."""


@dataclass(frozen=True)
class Outcome:
    seed: int
    form: str
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
ZIPPED = ("zip flipped", "zip cut", "zip bomb", "zip of false sizes")


@cache
def original(form: str) -> tuple[bytes, ...]:
    """A few files of a form of the torture suite."""
    with tempfile.TemporaryDirectory() as folder:
        CASES[form].write(Path(folder))
        paths = sorted(path for path in Path(folder).rglob("*") if path.is_file())
        return tuple(path.read_bytes() for path in paths[:MOST_FILES])


def write_input(seed: int, folder: Path) -> tuple[str, str, Path]:
    """The form's and the mutation's name, and the path to read."""
    rng = np.random.default_rng(seed)
    form, name = str(rng.choice(FORMS)), str(rng.choice([*MUTATIONS, *ZIPPED]))
    files = original(form)
    victim = int(rng.integers(len(files)))
    for number, content in enumerate(files):
        if number == victim and name in MUTATIONS:
            content = bytes(MUTATIONS[name](bytearray(content), rng))
        (folder / f"{number}.dcm").write_bytes(content)
    if name in MUTATIONS:
        return form, name, folder
    return form, name, write_archive(folder, name, rng)


def write_archive(folder: Path, name: str, rng: Rng) -> Path:
    """The folder as a zip that is harmed in the way of that name."""
    archive = folder.with_suffix(".zip")
    with zipfile.ZipFile(archive, "w", zipfile.ZIP_DEFLATED) as zipped:
        for path in sorted(folder.iterdir()):
            zipped.write(path, path.name)
    if name == "zip bomb":
        archives.add_bomb(archive)
    elif name == "zip of false sizes":
        archives.understate_sizes(archive)
    altered = bytearray(archive.read_bytes())
    altered = cut(altered, rng) if name == "zip cut" else flip_bits(altered, rng)
    archive.write_bytes(altered)
    return archive


def try_one(seed: int) -> Outcome:
    """Read one input with its limits on time and memory."""

    def too_slow(number: int, frame: FrameType | None) -> None:
        raise TooSlowError

    signal.signal(signal.SIGALRM, too_slow)
    with tempfile.TemporaryDirectory() as parent:
        folder = Path(parent, "ct")
        folder.mkdir()
        form, name, path = write_input(seed, folder)
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
        return Outcome(seed, form, name, result, finding, time.perf_counter() - start)


def limit_memory() -> None:
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY_BYTES, MEMORY_BYTES))


def try_all(seeds: range, processes: int) -> Iterator[Outcome]:
    """The outcomes of a batch; an input that ends its process is found by trying each alone."""
    try:
        with ProcessPoolExecutor(processes, initializer=limit_memory) as pool:
            yield from list(pool.map(try_one, seeds, chunksize=10))
    except BrokenProcessPool:
        if len(seeds) > 1:
            for seed in seeds:
                yield from try_all(range(seed, seed + 1), 1)
            return
        with tempfile.TemporaryDirectory() as folder:
            form, name, _ = write_input(seeds[0], Path(folder))
        yield Outcome(seeds[0], form, name, "ended", "the process was ended", 0.0)


def main(argv: Sequence[str] | None = None) -> None:
    parser = parser_of(__doc__)
    parser.add_argument("--inputs", type=int, default=20_000)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--processes", type=int, default=2)
    options = parser.parse_args(argv)
    end = options.seed + options.inputs
    outcomes: list[Outcome] = []
    for form in FORMS:
        original(form)  # written once: the processes to come inherit it
    for start in range(options.seed, end, BATCH):
        outcomes += try_all(range(start, min(start + BATCH, end)), options.processes)
        print(f"{len(outcomes)} of {options.inputs}", file=sys.stderr)
    for name in (*MUTATIONS, *ZIPPED):
        counts = Counter(one.result for one in outcomes if one.mutation == name)
        print(f"{name}: {', '.join(f'{what} {n}' for what, n in counts.most_common())}")
    found = [one for one in outcomes if one.finding]
    slowest = max(outcomes, key=lambda one: one.seconds)
    print(
        f"{len(outcomes)} inputs, slowest {slowest.seconds:.2f} s (seed {slowest.seed}, "
        f"{slowest.form}, {slowest.mutation}), {len(found)} findings"
    )
    for one in found[:40]:
        print(f"seed {one.seed} ({one.form}, {one.mutation}): {one.finding}")
    sys.exit(bool(found))


if __name__ == "__main__":
    main()
