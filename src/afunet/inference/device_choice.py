"""The device on which the user wants the network to run."""

from enum import StrEnum


class DeviceChoice(StrEnum):
    """The user's choice; `auto` takes a GPU if there is one."""

    AUTO = "auto"
    CPU = "cpu"
    CUDA = "cuda"
