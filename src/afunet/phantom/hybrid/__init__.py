"""Hybrid truth: the real or simulated voxels of a bone, broken virtually, with exact labels."""

from afunet.phantom.hybrid.breaking import broken
from afunet.phantom.hybrid.drawing import draw_break
from afunet.phantom.hybrid.plan import Break

__all__ = ["Break", "broken", "draw_break"]
