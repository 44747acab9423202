"""Every file type that is read or written, and the checks between files and voxels."""
