"""How far a result can be trusted: confidence and flags from scan, probability and mask."""
