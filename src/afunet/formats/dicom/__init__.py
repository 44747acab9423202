"""DICOM in and out: from files to a CT on its grid, and from masks to results on the images.

From the bottom up: texts (the rules of values), files (finding and opening them, headers, pixels),
stacks (which images belong together, where they lie, which to read), results (what is written), the
reader and the listing. `pyproject.toml` lists the files in this order.
"""

import logging

# The libraries' log lines quote header values, which may name the patient.
for _library in ("pydicom", "highdicom"):
    logging.getLogger(_library).setLevel(logging.CRITICAL + 1)
