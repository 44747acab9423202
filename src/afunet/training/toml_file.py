"""TOML files that extend others: a file with `extends = "base.toml"` only has what differs.

Tables of the file and of the extended file are merged key by key; arrays and plain values are
replaced. `[experiment]` (see `afunet.training.experiment`) is not inherited.
"""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from afunet.errors import ConfigError

EXTENDS = "extends"
EXPERIMENT = "experiment"


def read_toml(path: Path) -> dict[str, Any]:
    """The training keys of a file and of those it extends, without `extends` and `[experiment]`.

    Raises `ConfigError` for files that are missing or not TOML, and for files that extend each
    other in a circle.
    """
    return _merged(path, ())


def read_experiment_table(path: Path) -> dict[str, Any] | None:
    """The file's own `[experiment]` table, None without one; `ConfigError` as in `read_toml`."""
    table = parse_toml(path).get(EXPERIMENT)
    if table is not None and not isinstance(table, dict):
        raise ConfigError(f"{path}: [experiment] must be a table, got {table!r}")
    return table


def parse_toml(path: Path) -> dict[str, Any]:
    """Parse one file alone; `ConfigError` if it cannot be read or is not TOML."""
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise ConfigError(
            f"cannot read the configuration {path}: {error.strerror}", code="UNREADABLE"
        ) from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ConfigError(f"{path} is not TOML: {error}", code="BAD_TEXT") from error


def _merged(path: Path, below: tuple[Path, ...]) -> dict[str, Any]:
    """The file merged over the file it extends; `below` are the files that led to this one."""
    if path.resolve() in below:
        names = " → ".join(file.name for file in (*below, path.resolve()))
        raise ConfigError(f"files extend each other in a circle: {names}", code="EXTENDS_IN_CIRCLE")
    raw = parse_toml(path)
    raw.pop(EXPERIMENT, None)
    parent = raw.pop(EXTENDS, None)
    if parent is None:
        return raw
    if not isinstance(parent, str):
        raise ConfigError(f"{path}: extends must be a file name, got {parent!r}")
    return _merge(_merged(path.parent / parent, (*below, path.resolve())), raw)


def _merge(base: Mapping[str, Any], changes: Mapping[str, Any]) -> dict[str, Any]:
    merged = dict(base)
    for key, value in changes.items():
        older = merged.get(key)
        both = isinstance(older, dict) and isinstance(value, dict)
        merged[key] = _merge(older, value) if both else value  # type: ignore[arg-type]
    return merged
