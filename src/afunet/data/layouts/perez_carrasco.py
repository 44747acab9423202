"""The data set of Pérez-Carrasco et al.: 27 CT volumes of 20 patients, bone labelled by hand.

The volumes show different parts of the body. Joint segmentation of bones and muscles using an
intensity and histogram-based energy minimization approach, Computer Methods and Programs in
Biomedicine 156 (2018), 85-95, doi:10.1016/j.cmpb.2017.12.027. We did not have the files, so two
arrangements are read: a folder per patient with a folder per volume, or a folder per volume and a
`cases.csv` that names the patients. A volume is a DICOM series or a volume file with a label
volume, or DICOM slices with PNG masks.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from afunet.data.layouts import dicom_label, nifti_pairs, paper
from afunet.data.layouts.bone_labels import chosen_values
from afunet.data.layouts.files import (
    dicom_in,
    folders_in,
    given_cases,
    given_of,
    is_label,
    not_there,
    volumes_in,
)
from afunet.data.layouts.pair import Choice, Found, Given, LeftOut, Pair
from afunet.data.layouts.png_pair import DicomPngPair
from afunet.data.layouts.volume_pair import VolumePair
from afunet.errors import InputError


def detect(source: Path) -> bool:
    """Whether there are patient folders with volume folders that hold an image and a label."""
    return any(
        _has_pair(volume) for patient in folders_in(source) for volume in folders_in(patient)
    )


def pairs(source: Path, choice: Choice) -> Found:
    """One case per volume; its patient is the folder above, or the one in cases.csv."""
    known = given_cases(source)
    cases: list[Pair] = []
    left_out: list[LeftOut] = []
    for folder, given in _volumes(source, known):
        try:
            cases.append(_pair(folder, given, choice))
        except InputError as error:
            left_out.append(LeftOut(given.case, str(error)))
    found = {case.given.case for case in cases} | {item.case for item in left_out}
    return Found(tuple(cases), (*left_out, *not_there(known, found)))


def _volumes(source: Path, known: dict[str, Given]) -> list[tuple[Path, Given]]:
    """The volume folders: those in a patient's folder, or the patient's folder itself."""
    volumes = []
    for outer in folders_in(source):
        inner = [folder for folder in folders_in(outer) if _has_pair(folder)]
        if not inner:
            volumes.append((outer, given_of(outer.name, known, source)))
        for folder in inner:
            given = given_of(f"{outer.name}-{folder.name}", known, source)
            volumes.append((folder, replace(given, patient=given.patient or outer.name)))
    return volumes


def _has_pair(folder: Path) -> bool:
    scan, files = dicom_in(folder), volumes_in(folder)
    if scan is None:
        return any(map(is_label, files)) and not all(map(is_label, files))
    return bool(files) or paper.detect(folder)


def _pair(folder: Path, given: Given, choice: Choice) -> Pair:
    scan, files = dicom_in(folder), volumes_in(folder)
    if scan is not None and not files:
        return _slices(folder, given, choice)
    if scan is None:
        labels = [path for path in files if is_label(path)]
        image, label = nifti_pairs.pair_of([path for path in files if path not in labels], labels)
    else:
        image, label = dicom_label.scan_and_label([scan], files)
    return VolumePair(given, image, (label,), (chosen_values(choice),))


def _slices(folder: Path, given: Given, choice: Choice) -> DicomPngPair:
    found = paper.pairs(folder, choice)
    if len(found.pairs) != 1:
        raise InputError(f"found {len(found.pairs)} series with PNG masks, expected one")
    pair = found.pairs[0]
    assert isinstance(pair, DicomPngPair)
    return replace(pair, given=given)
