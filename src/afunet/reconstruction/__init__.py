"""From a mask to its surface in patient millimetres, and to the pieces it falls into."""

from afunet.reconstruction.smoothing import Smoothing
from afunet.reconstruction.surface import surface

__all__ = ["Smoothing", "surface"]
