"""The workbench's server: killed at random moments, and asked by many users at a time.

`python -m benchmarks.serve SCAN.zip --small SMALL.zip --kills 20 --users 20 --seconds 60`
"""

from __future__ import annotations

import tempfile
from pathlib import Path

from benchmarks.bench import parser_of
from benchmarks.serve_parts.kills import print_kills
from benchmarks.serve_parts.users import print_users


def main(argv: list[str] | None = None) -> None:
    """Print what was lost after kills, and the latencies of users; fail for any loss or leak."""
    parser = parser_of(__doc__)
    parser.add_argument("scan", type=Path, help="one file that afunet serve takes, such as a zip")
    parser.add_argument("--small", type=Path, help="another for kills and jobs that wait")
    parser.add_argument("--kills", type=int, default=20, help="0 leaves them out")
    parser.add_argument("--users", type=int, default=20, help="0 leaves them out")
    parser.add_argument("--seconds", type=float, default=30.0)
    parser.add_argument("--upload-mib", type=int, default=1024)
    given = parser.parse_args(argv)
    scan = given.scan.read_bytes()
    small = scan if given.small is None else given.small.read_bytes()
    with tempfile.TemporaryDirectory(prefix="afunet-serve-") as folder:
        data = Path(folder)
        if given.users:
            print_users(scan, small, data / "users", given.users, given.seconds, given.upload_mib)
        if given.kills:
            print_kills(small, data / "kills", given.kills)


if __name__ == "__main__":
    main()
