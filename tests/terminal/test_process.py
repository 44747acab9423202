"""`afunet` as a process of its own: what it ends with, and what it leaves behind."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import time
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from tests.from_a_shell import python

from afunet.formats.nifti import write_nifti
from afunet.geometry import Volume
from afunet.workflows.analyse import PLAN
from afunet.workflows.network import LOADING

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="POSIX signals")
PATIENCE = 120.0
SEGMENTING = next(step.name for step in PLAN if step.share == 1)
FAIL = """
import sys
from afunet import cli
from afunet.workflows import {module} as module
def fail(*_, **__):
    raise {error}
module.{name} = fail
cli.main()
"""


@pytest.fixture
def scan(tmp_path: Path, cylinder: Volume) -> Path:
    write_nifti(cylinder, tmp_path / "ct.nii.gz")
    return tmp_path / "ct.nii.gz"


@pytest.fixture
def archive(tmp_path: Path, cylinder: Volume, write_dicom: Callable[..., Path]) -> Path:
    """A zip of 3000 files, long enough to be stopped in."""
    first = next(write_dicom(tmp_path / "slices", cylinder).iterdir())
    with zipfile.ZipFile(tmp_path / "scan.zip", "w", zipfile.ZIP_DEFLATED) as archive:
        for number in range(3000):
            archive.write(first, f"{number}.dcm")
    return tmp_path / "scan.zip"


def environment(folder: Path) -> dict[str, str]:
    (folder / "tmp").mkdir(exist_ok=True)
    source = str(Path(__file__).parents[2] / "src")
    return {**os.environ, "TMPDIR": str(folder / "tmp"), "PYTHONPATH": source}


def ended(folder: Path, *command: object) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        python(*command),
        env=environment(folder),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=PATIENCE,
        check=False,
    )


def run(folder: Path, *arguments: object) -> subprocess.CompletedProcess[str]:
    return ended(folder, "-m", "afunet", *arguments)


def left_in(folder: Path) -> list[str]:
    return [str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file()]


@pytest.mark.parametrize(
    ("error", "code"),
    [
        ("ValueError('Doe^Jane 1960')", 4),
        ("KeyError('Doe^Jane')", 4),
        ("OSError(28, 'No space', '/x')", 3),
        ("MemoryError()", 3),
    ],
)
def test_whatever_happens_is_one_line_without_values(
    error: str, code: int, tmp_path: Path, scan: Path, weights: Path
) -> None:
    program = FAIL.format(module="analyse", name="predict_volume", error=error)
    out = tmp_path / "out"
    done = ended(tmp_path, "-c", program, "segment", scan, "-o", out, "-w", weights, "-q")
    assert done.returncode == code
    assert done.stdout == ""
    assert done.stderr.count("\n") == 1
    assert done.stderr.startswith("error: ")
    assert "Doe" not in done.stderr
    assert not out.exists()
    kept = list((tmp_path / "tmp").glob("afunet-fault-*.txt"))
    fault = re.search(r"\b[0-9a-f]{6}\b", done.stderr)
    assert (fault is not None) == (code == 4)
    assert len(kept) == (code == 4)
    for path in kept:
        assert str(path) in done.stderr
        assert "afunet.workflows.segment:" in path.read_text()
        assert "Doe" not in path.read_text()
        assert str(tmp_path) not in path.read_text()


def test_each_end_has_its_code(tmp_path: Path, scan: Path, weights: Path) -> None:
    out = ("-o", tmp_path / "out", "-q")
    network = ("-w", weights)
    assert run(tmp_path, "segment", scan, *out, *network).returncode == 0
    assert run(tmp_path, "segment", tmp_path / "none", *out, *network).returncode == 1
    assert run(tmp_path, "segment", scan, *out, "--formats", "vrml").returncode == 2
    assert run(tmp_path, "segment").returncode == 2
    program = FAIL.format(module="case_pages", name="overlay_montage", error="KeyError('x')")
    done = ended(tmp_path, "-c", program, "segment", scan, *out, *network)
    assert done.returncode == 3
    assert "overlay.png" in done.stderr
    # of several scans the highest code counts
    done = ended(tmp_path, "-c", program, "segment", scan, tmp_path / "none", *out, *network)
    assert done.returncode == 3
    program = FAIL.format(module="analyse", name="predict_volume", error="KeyError('x')")
    done = ended(tmp_path, "-c", program, "segment", scan, tmp_path / "none", *out, *network)
    assert done.returncode == 4


def until(begun: Callable[[], bool]) -> None:
    end = time.monotonic() + PATIENCE
    while not begun():
        assert time.monotonic() < end
        time.sleep(0.02)


@pytest.fixture
def started(tmp_path: Path) -> Iterator[Callable[..., subprocess.Popen[str]]]:
    processes: list[subprocess.Popen[str]] = []

    def start(*arguments: object) -> subprocess.Popen[str]:
        process = subprocess.Popen(
            python(*arguments),
            env=environment(tmp_path),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        processes.append(process)
        return process

    yield start
    for process in processes:
        process.kill()
        process.communicate()


@pytest.mark.parametrize(
    ("numbers", "code"),
    [
        ((signal.SIGTERM,), 143),
        ((signal.SIGHUP,), 129),
        ((signal.SIGINT,), 130),
        ((signal.SIGTERM, signal.SIGTERM), 143),
    ],
)
def test_a_signal_while_an_archive_is_read_leaves_no_patient_data(
    numbers: tuple[signal.Signals, ...],
    code: int,
    archive: Path,
    tmp_path: Path,
    started: Callable[..., subprocess.Popen[str]],
) -> None:
    process = started("-m", "afunet", "inspect", archive)
    until(lambda: len(left_in(tmp_path / "tmp")) > 20)
    for number in numbers:
        process.send_signal(number)
        time.sleep(0.01)
    out, err = process.communicate(timeout=PATIENCE)
    assert process.returncode == code
    assert "Traceback" not in err
    assert out == ""
    assert left_in(tmp_path / "tmp") == []


def test_what_a_killed_run_leaves_is_removed_by_the_next(
    archive: Path, scan: Path, tmp_path: Path, started: Callable[..., subprocess.Popen[str]]
) -> None:
    process = started("-m", "afunet", "inspect", archive)
    until(lambda: len(left_in(tmp_path / "tmp")) > 20)
    process.kill()
    process.communicate()
    assert len(left_in(tmp_path / "tmp")) > 20
    again = started("-m", "afunet", "inspect", archive)
    until(lambda: again.poll() is not None)
    assert left_in(tmp_path / "tmp") == []


SLOW = """
import sys, time
from afunet import cli
from afunet.workflows import {module} as module
true = module.{name}
def slow(*given, **more):
    print("here", file=sys.stderr, flush=True)
    time.sleep(0.3)
    return true(*given, **more)
module.{name} = slow
cli.main()
"""


@pytest.mark.parametrize(
    ("module", "name"),
    [
        ("network", "load_network_file"),
        ("segment", "read_scan"),
        ("analyse", "predict_volume"),
        ("analyse", "clean_up"),
        ("dividing", "surface"),
        ("analyse", "judge"),
        ("case_pages", "overlay_montage"),
        ("case_writing", "write_page"),
    ],
)
def test_a_signal_at_any_stage_leaves_nothing(
    module: str,
    name: str,
    scan: Path,
    weights: Path,
    tmp_path: Path,
    started: Callable[..., subprocess.Popen[str]],
) -> None:
    program = SLOW.format(module=module, name=name)
    out = tmp_path / "deep" / "out"
    process = started("-c", program, "segment", scan, "-o", out, "-w", weights, "-q")
    assert process.stderr is not None
    assert process.stderr.readline() == "here\n"
    process.send_signal(signal.SIGTERM)
    _, err = process.communicate(timeout=PATIENCE)
    assert process.returncode == 143
    assert err.count("\n") == 1
    assert not (tmp_path / "deep").exists()
    assert left_in(tmp_path / "tmp") == []


PRESSED = """
import signal
from afunet import cli
from afunet.workflows import case_pages
def press(*_, **__):
    for _ in range({times}):
        signal.raise_signal(signal.SIGINT)
    return "<html>"
case_pages.render_page = press
cli.main()
"""


@pytest.mark.parametrize(
    ("times", "lines"), [(1, 1), (2, 0)], ids=["stops at the next step", "breaks off"]
)
def test_ctrl_c_leaves_nothing_and_no_traceback(
    times: int, lines: int, scan: Path, weights: Path, tmp_path: Path
) -> None:
    program = PRESSED.format(times=times)
    out = tmp_path / "out"
    done = ended(tmp_path, "-c", program, "segment", scan, "-o", out, "-w", weights, "-q")
    assert (done.returncode, done.stdout) == (130, "")
    assert done.stderr.count("\n") == lines
    assert sorted(path.name for path in tmp_path.iterdir()) == [scan.name, "tmp"]
    assert left_in(tmp_path / "tmp") == []


def test_ctrl_c_before_anything_is_imported_shows_no_traceback(tmp_path: Path) -> None:
    program = (
        "import signal, sys\n"
        "class Importing:\n"
        " def find_spec(self, name, *_):\n"
        "  if name == 'afunet.cli':\n"
        "   signal.raise_signal(signal.SIGINT)\n"
        "signal.signal(signal.SIGINT, signal.default_int_handler)\n"
        "sys.meta_path.insert(0, Importing())\n"
        "from afunet.__main__ import main; main()"
    )
    done = ended(tmp_path, "-c", program, "models")
    assert (done.returncode, done.stdout, done.stderr) == (130, "", "")


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_signal_after_the_work_leaves_its_exit_code(number: int, tmp_path: Path) -> None:
    program = (
        "import atexit, signal; from afunet.__main__ import main\n"
        f"atexit.register(lambda: signal.raise_signal({int(number)})); main()"
    )
    assert ended(tmp_path, "-c", program, "--version").returncode == 0
    assert ended(tmp_path, "-c", program, "inspect", tmp_path / "none").returncode == 1


def test_a_signal_that_the_caller_ignores_is_ignored(scan: Path, tmp_path: Path) -> None:
    """As under nohup."""
    program = (
        "import signal, os; signal.signal(signal.SIGHUP, signal.SIG_IGN); from afunet import cli; "
        "from afunet.formats import readers; true = readers.list_series\n"
        "def hang_up(*g, **m):\n os.kill(os.getpid(), signal.SIGHUP)\n return true(*g, **m)\n"
        "readers.list_series = hang_up; cli.main()"
    )
    assert ended(tmp_path, "-c", program, "inspect", scan).returncode == 0


def test_something_is_said_before_the_heavy_imports(tmp_path: Path, scan: Path) -> None:
    program = (
        "import sys; from afunet import cli; from afunet.terminal import work\n"
        "assert 'torch' not in sys.modules and 'vtkmodules' not in sys.modules\n"
        "assert 'numpy' not in sys.modules\ncli.main()"
    )
    done = ended(tmp_path, "-c", program, "inspect", scan)
    assert done.stderr.startswith("[   0 s] ")
    assert done.returncode == 0


@pytest.mark.parametrize("encoding", ["ascii", "cp1252", "latin-1", "utf-8"])
def test_any_encoding_takes_any_text(
    encoding: str, scan: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PYTHONIOENCODING", encoding)
    odd = Path(os.fsdecode(os.fsencode(tmp_path) + b"/leg-\xff\xfe.nii.gz"))
    scan.rename(odd)
    done = subprocess.run(
        [sys.executable, "-m", "afunet", "inspect", odd],
        env=environment(tmp_path),
        capture_output=True,
        timeout=PATIENCE,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout
    gone = subprocess.run(
        [sys.executable, "-m", "afunet", "inspect", f"{odd}-gone"],
        env=environment(tmp_path),
        capture_output=True,
        timeout=PATIENCE,
        check=False,
    )
    assert gone.returncode == 1
    assert gone.stderr.splitlines()[-1].startswith(b"error: ")


def test_a_reader_that_goes_away_is_no_error(scan: Path, tmp_path: Path) -> None:
    command = f'"{sys.executable}" -m afunet inspect "{scan}" -q; echo "code $?" >&2'
    done = subprocess.run(
        ["bash", "-c", f"({command}) | true"],
        env=environment(tmp_path),
        capture_output=True,
        text=True,
        timeout=PATIENCE,
        check=False,
    )
    assert done.stderr == "code 0\n"


def test_the_log_holds_no_path(scan: Path, tmp_path: Path, weights: Path) -> None:
    folder = tmp_path / "Quillfeather_Zephyrine"
    folder.mkdir()
    named = scan.rename(folder / "Quillfeather_1931.nii.gz")
    log = tmp_path / "log.jsonl"
    shown = ("--log", "json", "--log-file", log, "-w", weights)
    done = run(tmp_path, "segment", named, "-o", folder / "out", *shown)
    gone = run(tmp_path, "segment", folder / "none", "-o", folder / "out", *shown)
    assert (done.returncode, gone.returncode) == (0, 1)
    text = log.read_text() + done.stderr + gone.stderr
    assert "Quillfeather" not in text
    told = [json.loads(line) for line in log.read_text().splitlines()]
    assert {"time", "level"} <= set.intersection(*(set(one) for one in told))
    assert SEGMENTING in {one.get("stage") for one in told}
    assert (told[-1]["level"], told[-1]["code"]) == ("error", "NO_SUCH_PATH")
    assert "Quillfeather" not in (folder / "out" / "report.json").read_text()


@pytest.mark.parametrize("fault", ["no scan", "a folder in the place of a file"])
def test_what_must_fail_does_so_before_the_network_is_loaded(
    fault: str, scan: Path, tmp_path: Path
) -> None:
    (tmp_path / "out" / "mask.nii.gz").mkdir(parents=True)
    given = tmp_path / "none" if fault == "no scan" else scan
    done = run(tmp_path, "segment", given, "-o", tmp_path / "out")
    assert done.returncode == (1 if fault == "no scan" else 3)
    assert LOADING not in done.stderr
    assert done.stdout == ""
