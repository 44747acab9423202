"""Read and write all file types, and check what lies between files and voxels."""
