"""Prepare a network for inference: fold batch normalisation into the convolution before it."""

from __future__ import annotations

import copy
from typing import cast

from torch import nn
from torch.nn.utils.fusion import fuse_conv_bn_eval


def folded(network: nn.Module) -> nn.Module:
    """Return a copy in evaluation mode that gives the same output up to rounding, but faster.

    A convolution that is directly followed by batch normalisation in an `nn.Sequential` takes over
    its scale and shift; all other layers stay as they are.
    """
    network = copy.deepcopy(network).eval()
    for block in network.modules():
        if isinstance(block, nn.Sequential):
            _fold(block)
    return network


def _fold(block: nn.Sequential) -> None:
    for index in range(len(block) - 1):
        convolution, normalisation = block[index], block[index + 1]
        folds = isinstance(convolution, nn.Conv2d | nn.Conv3d)
        if folds and isinstance(normalisation, nn.BatchNorm2d | nn.BatchNorm3d):
            block[index] = fuse_conv_bn_eval(cast(nn.Conv2d, convolution), normalisation)
            block[index + 1] = nn.Identity()
