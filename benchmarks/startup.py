"""What afunet costs before it works: CPU time and memory of each command, beside Python's own.

`python -m benchmarks.startup` runs each command in a new process: the help of all, the version, a
usage error, and `inspect` and `segment` with a path that does not exist, which shows how long they
take to begin.
"""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass

from benchmarks.bench import parser_of, print_heading, print_row

NOWHERE = "no-such-folder"
COMMANDS = (
    *("segment", "inspect", "reconstruct", "phantom", "demo", "models", "prepare", "train"),
    *("evaluate", "compare"),
)
CALLS = (
    ("--version",),
    ("--help",),
    *((command, "--help") for command in COMMANDS),
    ("segment", "--no-such-option"),
    ("inspect", NOWHERE),
    ("segment", NOWHERE, "-o", NOWHERE),
)

# A process begins with the memory of the one that starts it, so that one must be small.
LAUNCHER = """
import json, os, sys
pid = os.fork()
if not pid:
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, 1), os.dup2(nowhere, 2)
    os.execv(sys.argv[1], sys.argv[1:])
used = os.wait4(pid, 0)[2]
print(json.dumps({"seconds": used.ru_utime + used.ru_stime, "megabytes": used.ru_maxrss / 1024}))
"""


@dataclass(frozen=True)
class Cost:
    """CPU time of all threads, and the largest resident memory."""

    seconds: float
    megabytes: float


def main(argv: list[str] | None = None) -> None:
    """Print a table with a row for each command."""
    parser = parser_of(__doc__)
    parser.add_argument("--runs", type=int, default=3, help="take the fastest of so many")
    runs = parser.parse_args(argv).runs
    python = cost_of(("-c", "pass"), runs)
    print_heading("command", "CPU s:", "× python:", "MB:", "× python:")
    print_cost("python -c pass", python, python)
    for call in CALLS:
        print_cost(f"afunet {' '.join(call)}", cost_of(("-m", "afunet", *call), runs), python)


def cost_of(arguments: Sequence[str], runs: int) -> Cost:
    """The lowest cost of a Python process with these arguments."""
    costs = [_once(arguments) for _ in range(runs)]
    return Cost(min(cost.seconds for cost in costs), min(cost.megabytes for cost in costs))


def _once(arguments: Sequence[str]) -> Cost:
    launched = [sys.executable, "-S", "-c", LAUNCHER, sys.executable, *arguments]
    done = subprocess.run(launched, capture_output=True, text=True, check=True)
    return Cost(**json.loads(done.stdout))


def print_cost(name: str, cost: Cost, python: Cost) -> None:
    """Print one row."""
    print_row(
        name,
        f"{cost.seconds:.2f}",
        f"{cost.seconds / python.seconds:.0f}",
        f"{cost.megabytes:.0f}",
        f"{cost.megabytes / python.megabytes:.1f}",
    )


if __name__ == "__main__":
    main()
