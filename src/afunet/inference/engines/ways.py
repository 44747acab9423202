"""The ways to run a network on this machine: runtime, device and number format."""

from __future__ import annotations

from dataclasses import dataclass

from afunet.errors import CheckpointError, ConfigError, DeviceError
from afunet.extras import require_extra
from afunet.inference.cpu import Cpu
from afunet.inference.device_choice import DeviceChoice
from afunet.inference.engines.runtimes import RUNTIMES
from afunet.inference.runtime_choice import RuntimeChoice
from afunet.models.network_file import NetworkFile

FLOAT32, BFLOAT16, INT8 = "float32", "bfloat16", "int8"


@dataclass(frozen=True)
class Way:
    """One way to run a network, such as "torch bfloat16" on the CPU."""

    runtime: str
    device: str
    arithmetic: str

    def __str__(self) -> str:
        """The runtime and the number format."""
        return f"{self.runtime} {self.arithmetic}"


def ways_to_run(
    file: NetworkFile, device: DeviceChoice, runtime: RuntimeChoice, cpu: Cpu
) -> tuple[Way, ...]:
    """Return the ways from which to choose, the one that the rule chooses first.

    On Intel and AMD processors the rule is enough for float32 and int8: the first runtime of the
    table. bfloat16 is one more way where device and runtime have it. Raises `ConfigError`,
    `CheckpointError` or `DeviceError` if there is no way.
    """
    names = _names(file, runtime)
    place = _device(names, device)
    if place == "cuda":
        names = tuple(name for name in names if RUNTIMES[name].has_cuda())
    if file.arithmetic == INT8:
        return (Way(names[0], place, INT8),)
    known = place == "cuda" or cpu.is_x86
    whole = tuple(Way(name, place, FLOAT32) for name in (names[:1] if known else names))
    if place == "cpu" and not cpu.has_bfloat16:
        return whole
    with_half = (name for name in names if RUNTIMES[name].bfloat16)
    return (*whole, *(Way(name, place, BFLOAT16) for name in with_half))


def _names(file: NetworkFile, runtime: RuntimeChoice) -> tuple[str, ...]:
    """The runtimes that are installed and run the file: the chosen one, or all for `auto`."""
    if runtime not in tuple(RuntimeChoice):
        raise ConfigError(f"unknown runtime {runtime!r}: choose from {', '.join(RuntimeChoice)}")
    wanted = list(RUNTIMES) if runtime == RuntimeChoice.AUTO else [str(runtime)]
    fitting = [name for name in wanted if RUNTIMES[name].runs(file)]
    if not fitting:
        raise CheckpointError(_misfit(file, wanted[0]), code="RUNTIME_MISFIT")
    usable = tuple(name for name in fitting if RUNTIMES[name].installed)
    if not usable:
        require_extra(RUNTIMES[fitting[0]].package)
    return usable


def _misfit(file: NetworkFile, name: str) -> str:
    if file.graph is None:
        return (
            f"{file.name} has no ONNX file of the same weights and name beside it, which the "
            f"runtime {name} needs: make it with python -m afunet.models.export {file.name}, or "
            "use --runtime torch"
        )
    return (
        f"{file.name} holds an ONNX graph in {file.arithmetic}, which the runtime {name} does not "
        "run: use --runtime onnx or openvino, or give a safetensors file"
    )


def _device(names: tuple[str, ...], device: DeviceChoice) -> str:
    if device not in tuple(DeviceChoice):
        raise ConfigError(f"unknown device {device!r}: choose from {', '.join(DeviceChoice)}")
    if device == DeviceChoice.CPU:
        return "cpu"
    available = any(RUNTIMES[name].has_cuda() for name in names)
    if device == DeviceChoice.CUDA and not available:
        raise DeviceError(
            f"no CUDA device found for {', '.join(names)}: use --device cpu or --device auto",
            code="NO_CUDA",
        )
    return "cuda" if available else "cpu"
