"""Which simulator drew a picture: figures measured on simulated legs name its version."""

VERSION = 1
"""Raised by one whenever the same config and seed give another picture or another answer.

1: as of 2026-11-28, the first with a number. Earlier ones, 0.1 to 0.9 by the commits that changed
their pictures, are listed in docs/phantom.md.
"""

SIMULATOR = f"simulator {VERSION}"
"""The version as headers, tables and benchmarks tell it."""
