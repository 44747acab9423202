"""Every failure that a user can meet, each said in one line.

The message names what came, what was expected and what to do. Nothing else in this
package raises on bad input: an exception of another type is a bug.
"""

from enum import IntEnum
from typing import ClassVar


class ExitCode(IntEnum):
    """What the command `afunet` ends with; of several scans the highest code counts.

    A signal ends it with 128 and the signal's number: 130 for Ctrl-C, 143 for SIGTERM.
    """

    FINE = 0
    REFUSED = 1
    """What was given cannot be used: a scan, weights, a device."""
    USAGE = 2
    """The command was called wrongly, or a configuration has an impossible value."""
    INCOMPLETE = 3
    """Results are missing that could not be made or written."""
    FAULT = 4
    """An error of afunet itself."""


class AfunetError(Exception):
    """Base of all errors that are the input's or the environment's, not the program's.

    `code` is a stable name of the reason where programs have use for one, such as GAP_TOO_LARGE;
    `exit_code` is what the command line ends with.
    """

    exit_code: ClassVar[ExitCode] = ExitCode.REFUSED

    def __init__(self, message: str = "", *, code: str = "") -> None:
        super().__init__(message)
        self.code = code


class InputError(AfunetError):
    """A path, file or series cannot be read as what was asked for."""


class GeometryError(InputError):
    """The slices or grids do not form the geometry that was expected."""


class CheckpointError(AfunetError):
    """A weights file is missing, broken, altered or made for another model."""


class ConfigError(AfunetError):
    """An option or a configuration file has an unknown or impossible value."""

    exit_code = ExitCode.USAGE


class OutputError(AfunetError):
    """A result could not be written whole; nothing half-written was left."""

    exit_code = ExitCode.INCOMPLETE


class DeviceError(AfunetError):
    """The device that was asked for is not there."""


class TrainingError(AfunetError):
    """A training run cannot go on."""


class Cancelled(AfunetError):  # noqa: N818 - a request that was granted, not an error
    """The caller asked to stop."""
