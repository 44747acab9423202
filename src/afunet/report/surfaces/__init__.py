"""Still pictures of surfaces, and a page with a rotatable 3D view."""
