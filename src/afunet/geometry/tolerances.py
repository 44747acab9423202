"""What counts as the same, straight or whole: the tolerances on places and labels."""

SAME_PLACE_MM = 0.1
"""Two places stated by files: grids of two volumes, two placements of one, copies of a slice.

Headers write positions to one decimal, which is 0.05 mm off at most, and the finest pixel that the
network sees is 0.35 mm wide.
"""

OWN_GRID_MM = 0.01
"""Two grids that were computed here from one file: only arithmetic may part them."""

LARGEST_SHEAR_MM = 0.5
"""How far the far corner may lie from where perpendicular axes would have it.

Axes written to four decimals stay below it on a metre of leg; it is half a pixel of the coarsest
grid that the network sees. An angle alone would refuse a short volume for what is no distance, and
pass a long one.
"""

UNDOUBTED_FORM_MM = 1.0
"""How far a straight placement may lie from a sheared one beside it and stand in for it."""

LABEL_TOLERANCE = 1e-3
"""How near to a whole number a label must be: programs store 1 as 0.99999."""

COARSEST_LABEL_STEP = 0.1
"""The widest step of a scaled label file that still tells whole numbers apart.

Labels stretched over a byte (0…255 with a slope of 2/255) come back up to half a step off.
"""
