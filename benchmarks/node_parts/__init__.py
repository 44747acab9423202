"""Parts of the benchmark of the DICOM node."""
