"""DICOM in and out: from files to a CT on its grid, and masks back to where they belong."""
