"""A DICOM node: receives scans from an archive, segments them, and sends the results back."""
