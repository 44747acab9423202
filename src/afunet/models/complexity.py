"""How large a network is, how much work a slice takes, and how far one output pixel sees.

All three are measured on the network itself, not computed from a formula.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from copy import deepcopy
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn
from torch.overrides import TorchFunctionMode
from torch.utils.flop_counter import FlopCounterMode

STRIP_HEIGHT_PX = 32
STRIP_WIDTHS_PX = (512, 1024, 2048, 4096)


@dataclass(frozen=True)
class Complexity:
    """The measured size, work and receptive field of a network.

    `gflops` is 10⁹ floating-point operations per slice, a multiply-add being two. `receptive_field`
    is the side in px of the square that the centre pixel's logit can depend on, None if global
    pooling or instance normalisation makes it depend on the whole image; `local_field` is that side
    with the pooled values and statistics held constant. Neighbouring pixels differ by a few px,
    since the pooling grids lie differently around them. Both are None if the field is wider than
    4096 px.
    """

    parameters: int
    gflops: float
    receptive_field: int | None
    local_field: int | None


def complexity(model: nn.Module, input_slices: int = 1, size: int = 512) -> Complexity:
    """Measure a network on a slice of `size` × `size` px, without changing the model.

    Operations are those of convolutions and matrix products, as PyTorch counts them;
    normalisation, activation, pooling and interpolation are not counted.
    """
    field, sees_all = _receptive_field(model, input_slices)
    return Complexity(
        parameters=sum(parameter.numel() for parameter in model.parameters()),
        gflops=gflops(model, input_slices, size),
        receptive_field=None if sees_all else field,
        local_field=field,
    )


def gflops(model: nn.Module, input_slices: int = 1, size: int = 512) -> float:
    """10⁹ operations per slice, as `Complexity` has them.

    They are counted on tensors without storage, which needs neither time nor memory.
    """
    ghost = deepcopy(model).to("meta").eval()
    with torch.no_grad(), FlopCounterMode(display=False) as counter:
        ghost(torch.empty(1, input_slices, size, size, device="meta"))
    return counter.get_total_flops() / 1e9  # type: ignore[no-any-return]


def _receptive_field(model: nn.Module, input_slices: int) -> tuple[int | None, bool]:
    """The side of the local field in px, and whether global pooling or statistics see beyond it.

    The field is where the gradient of the centre logit is not zero, in a copy in which gradients
    neither cancel nor vanish. A wide strip of small height is enough because kernels and strides
    are square.
    """
    probe = _transparent(model)
    normalised = any(isinstance(layer, nn.InstanceNorm2d) for layer in model.modules())
    for width in STRIP_WIDTHS_PX:
        strip = torch.ones(1, input_slices, STRIP_HEIGHT_PX, width, dtype=torch.float64)
        strip.requires_grad_()
        with _HoldGlobalPooling() as pooling:
            logits = probe(strip)
        centre = logits[0, 0, STRIP_HEIGHT_PX // 2, width // 2]
        (gradient,) = torch.autograd.grad(centre, strip)  # (1, input_slices, height, width)
        columns = gradient.sum(dim=(0, 1, 2)).nonzero().flatten()
        first, last = int(columns[0]), int(columns[-1])
        if first > 0 and last < width - 1:
            return last - first + 1, pooling.found or normalised
    return None, pooling.found or normalised


def _transparent(model: nn.Module) -> nn.Module:
    """A double-precision copy through which every path carries a positive gradient.

    Weights become averages, biases 0, and normalisation the identity. Maximum pooling, whose
    gradient follows only one pixel, becomes average pooling.
    """
    probe = deepcopy(model).cpu().double().eval().requires_grad_(False)
    for parameter in probe.parameters():
        parameter.fill_(parameter.shape[0] / parameter.numel() if parameter.dim() > 1 else 0.0)
    for parent in list(probe.modules()):
        for name, child in parent.named_children():
            if isinstance(child, nn.BatchNorm2d | nn.InstanceNorm2d):
                setattr(parent, name, nn.Identity())
            elif isinstance(child, nn.MaxPool2d):
                setattr(parent, name, _average_pool(child))
    return probe


def _average_pool(pool: nn.MaxPool2d) -> nn.AvgPool2d:
    return nn.AvgPool2d(pool.kernel_size, pool.stride, pool.padding, pool.ceil_mode)


class _HoldGlobalPooling(TorchFunctionMode):
    """Treats every map pooled to a single pixel as a constant, and records that there was one."""

    found = False

    def __torch_function__(
        self,
        func: Callable[..., Any],
        types: Iterable[type],
        args: tuple[Any, ...] = (),
        kwargs: Mapping[str, Any] | None = None,
    ) -> Any:
        result = func(*args, **(kwargs or {}))
        if args and _pools_globally(args[0], result):
            self.found = True
            return result.detach()
        return result


def _pools_globally(before: Any, after: Any) -> bool:
    """Whether (B, C, H, W) became (B, C, 1, 1) or (B, C)."""
    if not (isinstance(before, Tensor) and isinstance(after, Tensor)) or before.dim() != 4:
        return False
    spread = before.shape[2] * before.shape[3] > 1
    return spread and after.shape in (before.shape[:2], (*before.shape[:2], 1, 1))
