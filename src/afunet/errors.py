"""All errors that a user can meet, each with a message of one line.

The message says what was found, what was expected and what to do. Bad input raises only these
errors: an exception of another type is a bug.
"""

from enum import IntEnum
from typing import ClassVar


class ExitCode(IntEnum):
    """Exit codes of the command `afunet`; with several scans the highest code counts.

    After a signal the code is 128 plus the signal's number: 130 for Ctrl-C, 143 for SIGTERM.
    """

    FINE = 0
    REFUSED = 1
    """An input cannot be used: a scan, weights, a device."""
    USAGE = 2
    """The command was called wrongly, or a configuration has an impossible value."""
    INCOMPLETE = 3
    """Some results could not be made or written."""
    FAULT = 4
    """An internal error of afunet."""


class AfunetError(Exception):
    """Base of all errors that the input or the environment causes, not the program.

    `code` is a stable name of the reason for programs, such as GAP_TOO_LARGE, or that of the kind
    of error, such as CONFIG_ERROR; `exit_code` is the exit code of the command line.
    """

    exit_code: ClassVar[ExitCode] = ExitCode.REFUSED

    def __init__(self, message: str = "", *, code: str = "") -> None:
        super().__init__(message)
        self.code = code or self.kind_code()

    @classmethod
    def kind_code(cls) -> str:
        """The code of an error of this kind without a code of its own."""
        return "".join(f"_{one}" if one.isupper() else one for one in cls.__name__)[1:].upper()


class InputError(AfunetError):
    """A path, file or series cannot be read as the kind of input that was asked for."""


class GeometryError(InputError):
    """The slices or grids do not form the geometry that was expected."""


class CheckpointError(AfunetError):
    """A weights file is missing, broken, altered or made for another model."""


class ConfigError(AfunetError):
    """An option or a configuration file has an unknown or impossible value."""

    exit_code = ExitCode.USAGE


class OutputError(AfunetError):
    """A result could not be written; no partial file is left."""

    exit_code = ExitCode.INCOMPLETE


class DeviceError(AfunetError):
    """The device that was asked for is not available."""


class TrainingError(AfunetError):
    """A training run cannot go on."""


class Cancelled(AfunetError):  # noqa: N818 - a request that was granted, not an error
    """The caller asked to stop."""
