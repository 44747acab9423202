"""Pictures of surfaces: still ones, and a page in which they turn."""
