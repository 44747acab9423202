"""Pictures of what was found: slices with the mask on them, and the surface."""
