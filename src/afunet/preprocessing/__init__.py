"""What is done to a volume before a network sees it: value window, axes, pixel grid."""

from afunet.preprocessing.window import BONE_WINDOW, Window

__all__ = ["BONE_WINDOW", "Window"]
