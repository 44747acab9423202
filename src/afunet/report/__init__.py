"""Pages and pictures of a case, of a comparison, of surfaces: they read what was measured."""
