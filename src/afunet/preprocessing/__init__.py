"""Preparing a volume for a network: value window, axes, pixel grid."""

from afunet.preprocessing.window import BONE_WINDOW, Window

__all__ = ["BONE_WINDOW", "Window"]
