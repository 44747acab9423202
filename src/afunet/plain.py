"""Convert plain values, as JSON and TOML give them, to dataclasses.

Every value must have the type of its field; only a whole number may stand for a float. Lists
become tuples, strings become members of a `StrEnum`, tables become dataclasses.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import fields, is_dataclass
from enum import StrEnum
from itertools import repeat
from typing import Any, TypeVar, get_args, get_origin

from cattrs import BaseConverter, Converter
from cattrs.errors import AttributeValidationNote, BaseValidationError, ForbiddenExtraKeysError
from cattrs.gen import make_dict_structure_fn

from afunet.errors import ConfigError

T = TypeVar("T")


class _MisfitError(ValueError):
    """A value of another type than its field; the message continues the field's name."""


def from_plain(kind: type[T], raw: Any, what: str) -> T:
    """Return a dataclass of `kind` from a table, which error messages call `what`.

    Raises `ConfigError` for unknown and missing keys, for values of a wrong type and for values
    that `kind` itself refuses. Its line names the key, the value and what was expected.
    """
    try:
        return _CONVERTER.structure(raw, kind)
    except (BaseValidationError, _MisfitError, ConfigError) as error:
        raise _refusal(error, what) from error


def _refusal(error: BaseException, what: str) -> ConfigError:
    """Return the first error, with the path of keys that leads to it."""
    keys: list[str] = []
    while isinstance(error, BaseValidationError):
        error = error.exceptions[0]
        notes = getattr(error, "__notes__", ())
        keys += [note.name for note in notes if isinstance(note, AttributeValidationNote)]
    missing = keys.pop() if isinstance(error, KeyError) else ""
    place = f"{what}: {'.'.join(keys)}" if keys else what
    match error:
        case ConfigError():
            return ConfigError(str(error), code=error.code)
        case ForbiddenExtraKeysError():
            known = [field.name for field in fields(error.cl) if field.init]
            unknown = sorted(error.extra_fields)
            return ConfigError(f"{place} has unknown keys {unknown}; known are {known}")
        case KeyError():
            return ConfigError(f"{place} needs {missing}")
    return ConfigError(f"{place} {error}")


def _plain(raw: Any, kind: Any) -> Any:
    kinds = get_args(kind) or (kind,)
    if type(raw) not in kinds and not (type(raw) is int and float in kinds):
        raise _MisfitError(f"must be {' or '.join(one.__name__ for one in kinds)}, got {raw!r}")
    return raw


def _member(raw: Any, kind: type[StrEnum]) -> StrEnum:
    if raw not in list(kind):
        raise _MisfitError(f"must be one of {', '.join(kind)}, got {raw!r}")
    return kind(raw)


def _tuple(kind: Any, converter: BaseConverter) -> Callable[[Any, Any], Any]:
    kinds = get_args(kind)
    any_length = kinds[-1] is Ellipsis
    size = "" if any_length else f" of {len(kinds)}"

    def structured(raw: Any, _: Any) -> Any:
        if not isinstance(raw, list | tuple) or not (any_length or len(raw) == len(kinds)):
            raise _MisfitError(f"must be a list{size}, got {raw!r}")
        return tuple(map(converter.structure, raw, repeat(kinds[0]) if any_length else kinds))

    return structured


def _table(kind: Any, converter: BaseConverter) -> Callable[[Any, Any], Any]:
    build: Callable[[Any, Any], Any] = make_dict_structure_fn(
        kind, converter, _cattrs_forbid_extra_keys=True
    )

    def structured(raw: Any, _: Any) -> Any:
        return build(_mapping(raw), kind)

    return structured


def _mapping(raw: Any, *_: Any) -> Mapping[str, Any]:
    if not isinstance(raw, Mapping):
        raise _MisfitError(f"must be a table, got {raw!r}")
    return raw


def _is_tuple(kind: Any) -> bool:
    return get_origin(kind) is tuple


def _is_mapping(kind: Any) -> bool:
    return get_origin(kind) is Mapping


def _is_table(kind: Any) -> bool:
    return is_dataclass(kind)


_CONVERTER = Converter()
for _kind in (int, float, bool, str):
    _CONVERTER.register_structure_hook(_kind, _plain)
_CONVERTER.register_structure_hook(int | str, _plain)
_CONVERTER.register_structure_hook(StrEnum, _member)
_CONVERTER.register_structure_hook_func(_is_mapping, _mapping)
_CONVERTER.register_structure_hook_factory(_is_tuple, _tuple)
_CONVERTER.register_structure_hook_factory(_is_table, _table)
