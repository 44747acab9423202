"""Where a data folder lies."""

from __future__ import annotations

import os
from pathlib import Path

from afunet.errors import InputError


def locate_data(path: str | Path, base: Path = Path()) -> Path:
    """A data folder as given, in AFUNET_DATA's folder, or beside `base`; `InputError` for none."""
    path = Path(path).expanduser() if str(path).startswith("~") else Path(path)
    candidates = [path, Path(os.environ.get("AFUNET_DATA", "../shared/data")) / path]
    candidates += [base / path]
    for candidate in candidates:
        if candidate.is_dir():
            return candidate
    raise InputError(
        f"no data folder {str(path)!r}; looked in {', '.join(map(str, candidates))}",
        code="NO_SUCH_PATH",
    )
