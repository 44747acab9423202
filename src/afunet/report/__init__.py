"""Pages and pictures of a case, of a comparison and of surfaces, from finished measurements."""
