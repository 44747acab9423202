"""Make the surface of a mask in patient millimetres, and split the mask into pieces."""

from afunet.reconstruction.smoothing import Smoothing
from afunet.reconstruction.surface import surface

__all__ = ["Smoothing", "surface"]
