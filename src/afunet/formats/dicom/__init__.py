"""DICOM in and out: from files to a CT on its grid, and masks back to where they belong."""

import logging

# The libraries' log lines quote values of the header, which name the patient.
for _library in ("pydicom", "highdicom"):
    logging.getLogger(_library).setLevel(logging.CRITICAL + 1)
