"""The version of the simulator, to be given with figures measured on simulated legs."""

VERSION = 3
"""Increased by one whenever the same config and seed give different images or labels.

1: 2026-11-28, the first version with a number; its images are those of commits from `41d0427` on.
2: 2026-11-28, random knees, hips and ankles may hold dense tissue in the joint.
3: 2026-11-29, random legs break in clinical patterns whose pieces touch in places.
docs/phantom.md lists the commits of the earlier versions, 0.1 to 0.8.
"""

SIMULATOR = f"simulator {VERSION}"
"""The version as written in headers, tables and benchmarks."""
