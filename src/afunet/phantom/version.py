"""Which simulator drew a picture: figures measured on simulated legs name its version."""

VERSION = 1
"""Raised by one whenever the same config and seed give another picture or another answer.

1: as of 2026-11-28, the first with a number. It draws as commits from `41d0427` on do.
Earlier ones, 0.1 to 0.8, are listed by their commits in docs/phantom.md.
"""

SIMULATOR = f"simulator {VERSION}"
"""The version as headers, tables and benchmarks tell it."""
