"""How sure a result is, and what may be wrong with it: measured from scan, probability and mask."""
