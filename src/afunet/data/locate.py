"""Finding a data folder."""

from __future__ import annotations

import os
from pathlib import Path

from afunet.errors import InputError


def locate_data(path: str | Path, base: Path = Path()) -> Path:
    """Find a data folder as given, in AFUNET_DATA's folder, or beside `base`; else `InputError`."""
    path = Path(path).expanduser() if str(path).startswith("~") else Path(path)
    candidates = [path, Path(os.environ.get("AFUNET_DATA", "../shared/data")) / path]
    candidates += [base / path]
    for candidate in candidates:
        if candidate.is_dir():
            return candidate
    places = ", ".join(dict.fromkeys(map(str, candidates)))
    raise InputError(
        f"cannot find the data folder {str(path)!r}; looked in {places}",
        code="NO_SUCH_PATH",
    )
