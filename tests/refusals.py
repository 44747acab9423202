"""A refusal is known by its code, and by what came from the input; its English may be mended."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from afunet.errors import AfunetError
from afunet.faults import code_of


@contextmanager
def refused(
    kind: type[AfunetError], code: str, *facts: object
) -> Iterator[pytest.ExceptionInfo[AfunetError]]:
    """`with refused(InputError, "NOT_FINITE", "ct.nii.gz", 3): ...`, checked by `require`."""
    with pytest.raises(kind) as raised:
        yield raised
    require(raised.value, code, *facts)


def require(error: BaseException, code: str, *facts: object) -> None:
    """The error has this code, and its one line names these values, names or numbers."""
    line = str(error)
    assert code_of(error) == code, f"{code_of(error)}, expected {code}: {line}"
    assert line, f"{code} without a line"
    assert "\n" not in line, f"{code} in several lines: {line}"
    missing = [str(fact) for fact in facts if str(fact) not in line]
    assert not missing, f"{missing} not in: {line}"


def holds(line: str, *facts: object) -> bool:
    """Whether a line names all of these: numbers, names, values."""
    return all(str(fact) in line for fact in facts)
