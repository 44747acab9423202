"""Try inputs that users of other tools stumbled over, and print a table of what comes of each.

    .venv/bin/python -m benchmarks.odd_inputs CASES [--only 01 25 …]

`CASES` is a folder of scripts `NN_name.py`, each of which writes an input into the folder it is
given. Each is made in an empty folder, the commands of `EXPECTED` are run on it there as a user
would, and what they leave is judged: exit codes, the error stream, files. Whatever comes, no
traceback may be shown, and a refusal is one line. Exit code 1 where a case is not right.
"""

from __future__ import annotations

import csv
import json
import os
import re
import subprocess
import sys
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from time import perf_counter

import nibabel
import numpy as np

from benchmarks.bench import parser_of, print_heading, print_row

LONGEST_S = 900


@dataclass(frozen=True)
class Run:
    """What a command came to: its exit code (negative: a signal's) and both of its streams."""

    code: int
    out: str
    err: str

    @property
    def text(self) -> str:
        """All that the user saw."""
        return self.out + self.err

    @property
    def refused(self) -> bool:
        """Whether it ended in one line about the input; `inspect` says it among what it lists."""
        lines = [line.strip() for line in self.text.splitlines()]
        errors = [line for line in lines if line.startswith("error:")]
        return self.code in (1, 3) and len(errors) == 1


Judge = Callable[[Path, list[Run]], str]
"""What is wrong with the runs in a folder, "" for nothing."""


@dataclass(frozen=True)
class Expectation:
    """Commands, run in the case's folder by a shell, and who judges them."""

    commands: tuple[str, ...]
    judge: Judge


def segmented(slices: int, *, least_cm3: float = 20.0, most_cm3: float = 30.0) -> Judge:
    """The last run wrote a mask of so many slices and about so much bone."""

    def judge(folder: Path, runs: list[Run]) -> str:
        if runs[-1].code != 0:
            return f"exit code {runs[-1].code}"
        report = json.loads((folder / "out" / "report.json").read_text())
        found = nibabel.load(folder / "out" / "mask.nii.gz").shape[2]
        bone = report["bone"]["volume_cm3"]
        if found != slices:
            return f"{found} slices, expected {slices}"
        return "" if least_cm3 <= bone <= most_cm3 else f"{bone:.1f} cm³ of bone"

    return judge


def listed(count: int) -> Judge:
    """Every run read the input; the first lists a series or volume of so many slices."""

    def judge(folder: Path, runs: list[Run]) -> str:
        if codes := [run.code for run in runs if run.code != 0]:
            return f"exit codes {codes}"
        counts = re.findall(r"(\d+) (?:images?|slices?) of", runs[0].out)
        return "" if str(count) in counts else f"lists {counts} slices, expected {count}"

    return judge


def refused(*words: str) -> Judge:
    """Every run ended in one line, which has one of the words."""

    def judge(folder: Path, runs: list[Run]) -> str:
        if not all(run.refused for run in runs):
            return f"exit codes {[run.code for run in runs]}: not refused in one line"
        text = " ".join(run.text.lower() for run in runs)
        return "" if not words or any(word in text for word in words) else "the cause is not named"

    return judge


def said(*words: str) -> Judge:
    """One of the words stands in what was shown or in the report, and nothing failed."""

    def judge(folder: Path, runs: list[Run]) -> str:
        if codes := [run.code for run in runs if run.code != 0]:
            return f"exit codes {codes}"
        text = "".join(run.text for run in runs)
        text += "".join(path.read_text() for path in folder.rglob("report.json"))
        return "" if any(word in text for word in words) else f"none of {words} is said"

    return judge


def either(*judges: Judge) -> Judge:
    """One of them is content."""

    def judge(folder: Path, runs: list[Run]) -> str:
        wrong = [judge(folder, runs) for judge in judges]
        return "" if "" in wrong else "; ".join(wrong)

    return judge


def both(*judges: Judge) -> Judge:
    """All of them are content."""
    return lambda folder, runs: "; ".join(filter(None, (judge(folder, runs) for judge in judges)))


def files(*names: str, absent: tuple[str, ...] = (), ok: bool = True) -> Judge:
    """Files by their pattern that are there, and that are not."""

    def judge(folder: Path, runs: list[Run]) -> str:
        lost = [name for name in names if not list(folder.glob(name))]
        stale = [name for name in absent if list(folder.glob(name))]
        failed = ok and any(run.code != 0 for run in runs)
        wrong = [f"no {name}" for name in lost] + [f"{name} is there" for name in stale]
        return "; ".join(wrong + ["not all runs ended well"] * failed)

    return judge


def stores(cases: int) -> Judge:
    """`afunet prepare` kept so many cases."""

    def judge(folder: Path, runs: list[Run]) -> str:
        table = folder / "store" / "slices.csv"
        if not table.exists():
            return "no store"
        with table.open(newline="") as rows:
            found = len({row["case"] for row in csv.DictReader(rows)})
        return "" if found == cases else f"{found} cases, expected {cases}"

    return judge


def works_or_refuses(folder: Path, runs: list[Run]) -> str:
    """Each run works, says that it was used wrongly, or ends in one line."""
    bad = [run.code for run in runs if run.code not in (0, 2) and not run.refused]
    return f"exit codes {bad}" if bad else ""


def dice_is_one(folder: Path, runs: list[Run]) -> str:
    """The last run found two masks to be the same."""
    if runs[-1].code != 0:
        return f"exit code {runs[-1].code}"
    return "" if re.search(r"\b1\.0000\b", runs[-1].out) else "Dice is not 1"


def left_nothing(folder: Path, runs: list[Run]) -> str:
    """A run that was ended left nothing in its folder for temporary files."""
    left = sum(path.is_file() for path in (folder / "tmp").rglob("*"))
    wrong = f"{left} files left" if left else ""
    return "; ".join(filter(None, [wrong, "" if runs[-1].code == 0 else "no exit code 143"]))


INSPECT, SEGMENT = "afunet inspect ct", "afunet segment ct -o out -q"
WITH_ARCHIVE = SEGMENT + " --formats nifti,seg,rtstruct"
PREPARE = "afunet prepare set -o store"
RECONSTRUCT = "afunet reconstruct m.nii.gz -o out"
TERMINATED = (
    "mkdir tmp; TMPDIR=$PWD/tmp afunet inspect big.zip & job=$!; "
    'for i in $(seq 400); do [ -n "$(find tmp -type f -print -quit)" ] && break; sleep .05; done;'
    " kill -TERM $job; wait $job; [ $? -eq 143 ]"
)

EXPECTED = {
    "01": Expectation((INSPECT, SEGMENT), either(segmented(20), refused())),
    "03": Expectation((INSPECT, SEGMENT), segmented(20)),
    "05": Expectation((SEGMENT,), either(segmented(20), refused())),
    "06": Expectation((INSPECT,), either(listed(20), refused())),
    "07": Expectation(("afunet inspect ct.nii.gz",), either(listed(20), refused("sform", "qform"))),
    "08": Expectation(("afunet inspect ct.nii.gz",), either(listed(20), refused("gzip"))),
    "10": Expectation(("afunet inspect ct.nii.gz",), either(listed(20), refused("shear"))),
    "12": Expectation(("afunet inspect ct.nii.gz",), listed(20)),
    "14": Expectation(
        (
            "afunet reconstruct label.nii.gz -o out",
            "afunet evaluate label.nii.gz --truth truth.nii.gz",
        ),
        dice_is_one,
    ),
    "16": Expectation((PREPARE,), either(stores(3), both(stores(1), said("255")))),
    "17": Expectation((PREPARE,), stores(3)),
    "18": Expectation((PREPARE,), stores(3)),
    "19": Expectation((PREPARE,), stores(3)),
    "21": Expectation(("afunet inspect ct.nii.gz",), refused()),
    "22": Expectation(
        ("afunet inspect be.nii", "afunet inspect nan.nii.gz", "afunet inspect i64.nii.gz"),
        listed(20),
    ),
    "23": Expectation(("afunet segment ct.nii.gz -o out -q",), refused("hu")),
    "25": Expectation((SEGMENT,), either(segmented(20), refused())),
    "27": Expectation((SEGMENT,), said("metal")),
    "28": Expectation((SEGMENT,), refused("0,9")),
    "29": Expectation((INSPECT, SEGMENT), refused("pixel spacing", "pixelspacing")),
    "31": Expectation(("afunet inspect all.zip",), either(listed(20), refused("inner", "zip"))),
    "32": Expectation((INSPECT,), either(listed(20), refused("link"))),
    "34": Expectation((INSPECT,), listed(20)),
    "35": Expectation((WITH_ARCHIVE,), files("out/mask.nii.gz", ok=False)),
    "37": Expectation((WITH_ARCHIVE,), files("out/mask.nii.gz", ok=False)),
    "38": Expectation((INSPECT,), works_or_refuses),
    "40": Expectation(("afunet inspect m.nrrd",), either(listed(20), refused("unit"))),
    "44": Expectation((RECONSTRUCT + " --formats stl,glb,vtp",), said("empty")),
    "45": Expectation((RECONSTRUCT,), said("watertight")),
    "46": Expectation((RECONSTRUCT,), said("watertight", "not closed")),
    "48": Expectation(
        ("afunet reconstruct label.nii.gz -o out",),
        both(files("out/pieces.json", absent=("out/**/*left*", "out/**/*right*")), said("left")),
    ),
    "49": Expectation(("afunet evaluate p.nii.gz --truth t.nii.gz",), dice_is_one),
    "50": Expectation(("afunet evaluate t.nii.gz --truth rs.dcm",), refused()),
    "52": Expectation(("afunet reconstruct m -o out",), either(files("out/bone.stl"), refused())),
    "53": Expectation(("afunet phantom --bones stl -o out -q",), files("out")),
    "54": Expectation(("afunet phantom --bones stl -o out -q",), refused("mm", "metre")),
    "55": Expectation((INSPECT,), either(listed(20), refused("ct.nii.gz"))),
    "57": Expectation((SEGMENT,), refused("coarse", "12")),
    "58": Expectation((INSPECT,), listed(2000)),
    "59": Expectation((INSPECT,), either(listed(20), refused("modality"))),
    "61": Expectation(("afunet inspect ct.nii.gz",), refused()),
    "62": Expectation((PREPARE,), stores(2)),
    "64": Expectation(("afunet evaluate p.nii.gz --truth t.nii.gz",), refused("-1")),
    "65": Expectation((SEGMENT, "afunet segment mf -o out -q"), refused()),
    "67": Expectation((INSPECT,), said("bone-removed")),
    "68": Expectation(("afunet inspect ct.hdr", "afunet inspect CT.NII.GZ"), works_or_refuses),
    "70": Expectation((SEGMENT,), either(segmented(20), refused())),
    "71": Expectation((PREPARE,), refused("holds 5")),
    "72": Expectation(
        (
            "PYTHONIOENCODING=cp1252 afunet inspect ct.nii.gz > log",
            "LC_ALL=C PYTHONUTF8=0 PYTHONCOERCECLOCALE=0 afunet inspect ct.nii.gz > log",
        ),
        files("log"),
    ),
    "74": Expectation((TERMINATED,), left_nothing),
    "76": Expectation(
        (
            "afunet reconstruct a.nii.gz -o out --formats stl,glb",
            "afunet reconstruct b.nii.gz -o out",
        ),
        either(files("out", absent=("out/bones.glb", "out/bones/*")), said("earlier")),
    ),
    "77": Expectation(
        (
            "afunet reconstruct a.nii.gz -o out & one=$!; afunet reconstruct b.nii.gz -o out; "
            "two=$?; wait $one && [ $two -eq 0 ]",
        ),
        files("out/bone.stl", "out/pieces.json", absent=("out/.afunet-*", ".afunet-*"), ok=False),
    ),
    "78": Expectation(
        (
            "afunet inspect ct.nii.gz <&-",
            "afunet inspect ct.nii.gz >&-",
            "env -u HOME afunet inspect ct.nii.gz",
            "TMPDIR=/nonexistent afunet reconstruct m.nii.gz -o o1",
            "python -W error -m afunet reconstruct m.nii.gz -o o2",
            "touch f; afunet reconstruct m.nii.gz -o f",
            "afunet reconstruct m.nii.gz -o o3 --formats ''",
            "afunet reconstruct m.nii.gz -o o4 --formats STL",
            "afunet reconstruct m.nii.gz -o o5 --formats 'stl;ply'",
        ),
        works_or_refuses,
    ),
    "79": Expectation(
        tuple(
            f"afunet segment {name} -o {name}-out -q --formats nifti,seg"
            for name in ("time", "sex", "charset", "birth")
        ),
        files(
            *(f"{name}-out/segmentation.dcm" for name in ("time", "sex", "charset", "birth")),
        ),
    ),
}


def run(command: str, folder: Path) -> Run:
    """A command as a shell runs it, `afunet` being this environment's; killed after `LONGEST_S`."""
    path = os.pathsep.join((str(Path(sys.executable).parent), os.environ.get("PATH", os.defpath)))
    try:
        done = subprocess.run(
            ["bash", "-c", command],
            cwd=folder,
            env={**os.environ, "PATH": path},
            capture_output=True,
            timeout=LONGEST_S,
            stdin=subprocess.DEVNULL,
        )
    except subprocess.TimeoutExpired:
        return Run(124, "", "")
    out, err = (stream.decode("utf-8", "replace") for stream in (done.stdout, done.stderr))
    return Run(done.returncode, out, err)


def outcome(script: Path, expected: Expectation, folder: Path) -> tuple[str, list[Run]]:
    """What is wrong with a case, and what its commands showed."""
    made = subprocess.run([sys.executable, script, folder], capture_output=True, text=True)
    if made.returncode != 0:
        return f"the script failed: {made.stderr.strip().splitlines()[-1]}", []
    runs = [run(command, folder) for command in expected.commands]
    if any("Traceback" in each.text for each in runs):
        return "a traceback is shown", runs
    return expected.judge(folder, runs), runs


def main(argv: Sequence[str] | None = None) -> int:
    """Run the cases that were asked for, print the table."""
    parser = parser_of(__doc__)
    parser.add_argument("cases", type=Path)
    parser.add_argument("--only", nargs="*", default=[])
    parser.add_argument("--show", action="store_true", help="print what each command showed")
    asked = parser.parse_args(argv)
    wrong = 0
    print_heading("case", "right", "exit codes", "what is wrong", "s:")
    for script in sorted(asked.cases.glob("[0-9]*_*.py")):
        number = script.name.partition("_")[0]
        if (asked.only and number not in asked.only) or number not in EXPECTED:
            continue
        with tempfile.TemporaryDirectory() as name:
            began = perf_counter()
            fault, runs = outcome(script, EXPECTED[number], Path(name))
        wrong += bool(fault)
        codes = " ".join(str(each.code) for each in runs)
        print_row(
            script.stem, "no" if fault else "yes", codes, fault, f"{perf_counter() - began:.0f}"
        )
        if asked.show:
            for each in runs:
                print("    " + each.text.replace("\n", "\n    "))
    print(f"\n{wrong} not right")
    return int(wrong > 0)


if __name__ == "__main__":
    np.seterr(all="ignore")
    sys.exit(main())
