"""DICOM in and out: from files to a CT on its grid, and masks back to where they belong.

From the ground up: texts (what a value may be), files (found, opened, their headers and pixels),
stacks (which images belong together, how they lie, which to read), results (what goes back), the
reader and the listing. `pyproject.toml` lists which file stands where.
"""

import logging

# The libraries' log lines quote values of the header, which name the patient.
for _library in ("pydicom", "highdicom"):
    logging.getLogger(_library).setLevel(logging.CRITICAL + 1)
