"""Tolerances for equal positions, perpendicular axes and whole-number labels."""

SAME_PLACE_MM = 0.1
"""For positions from files: grids of two volumes, two placements of one, copies of a slice.

Some headers give positions to one decimal, an error of 0.05 mm at most. The finest pixel that the
network sees is 0.35 mm wide.
"""

OWN_GRID_MM = 0.01
"""For two grids computed from one file, which can differ only by rounding."""

LARGEST_SHEAR_MM = 0.5
"""The largest distance of the far corner from its place with perpendicular axes.

Axes written to four decimals stay below it on a metre of leg; it is half a pixel of the coarsest
grid that the network sees. A limit on the angle alone would refuse a short volume for a negligible
distance and accept a long one with a large distance.
"""

UNDOUBTED_FORM_MM = 1.0
"""The largest distance at which a straight placement may replace a sheared one in the same file."""

LABEL_TOLERANCE = 1e-3
"""The largest distance of a label from a whole number: some programs store 1 as 0.99999."""

COARSEST_LABEL_STEP = 0.1
"""The largest step of a scaled label file that still separates whole numbers.

Labels scaled to a byte (0…255 with a slope of 2/255) are off by up to half a step when read.
"""
