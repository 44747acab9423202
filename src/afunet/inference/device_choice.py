"""Where the user wants the network to run."""

from enum import StrEnum


class DeviceChoice(StrEnum):
    """What the user asks for; `auto` takes a GPU where there is one."""

    AUTO = "auto"
    CPU = "cpu"
    CUDA = "cuda"
