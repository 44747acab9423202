"""Read our DICOM results with programs that are not ours, and compare the masks.

    apt-get install dicom3tools; pipx install dcmqi
    pipx install dcmrtstruct2nii; pipx inject dcmrtstruct2nii 'pydicom<3'
    .venv/bin/python -m benchmarks.foreign_readers [--data] [--forms WORDS]

Each scan, a form of the torture suite or with `--data` the DICOM series below `AFUNET_DATA`, is
cut at 200 HU: the question is geometry. The mask is written as SEG and RTSTRUCT and read back by

* dciodvfy (dicom3tools): errors of both files;
* dcmqi's segimage2itkimage: voxels of the SEG that differ, compared at the pixel centres of the
  source slices in millimetres;
* SimpleITK's GDCM reader: pixels of the SEG's frames that differ;
* dcmrtstruct2nii: pixels of the filled outlines that differ, on the volume that it has ITK read.

A reader that cannot place a scan is told as such: dcmqi and ITK know straight, even stacks alone.
Prints a Markdown table; exit code 1 where a mask differs or a file has an error.
"""

from __future__ import annotations

import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import numpy as np
import SimpleITK
from numpy.typing import NDArray
from pydicom import dcmread
from tests.torture.case import Same
from tests.torture.cases import CASES

from afunet.formats.dicom.algorithm import Algorithm
from afunet.formats.dicom.result import ResultPlanes, Segment, result_planes
from afunet.formats.dicom.rtstruct import write_rtstruct
from afunet.formats.dicom.segmentation import write_segmentation
from afunet.formats.readers import read_scan
from benchmarks.bench import data_home, parser_of, print_heading, print_row

BONE_HU = 200
ALGORITHM = Algorithm("threshold", "1", "0" * 64)
# A centre farther than this from a voxel's is not the same place: positions are often rounded so.
SAME_PLACE_MM = 0.1
HEADINGS = ("scan", "slices", "bone px", "dciodvfy", "dcmqi", "ITK frames", "dcmrtstruct2nii")


class UnplacedError(Exception):
    """A foreign reader does not show the scan where it lies."""


def sampled(image: SimpleITK.Image, placed: ResultPlanes) -> NDArray[np.uint8]:
    """A foreign mask (slices, rows, columns) at the centres of our pixels; 0 outside it.

    Raises `UnplacedError` where a centre inside lies between its voxels.
    """
    voxels = SimpleITK.GetArrayViewFromImage(image) != 0
    size = np.array(image.GetSize())
    to_mm = np.eye(4)
    to_mm[:3, :3] = np.array(image.GetDirection()).reshape(3, 3) * image.GetSpacing()
    to_mm[:3, 3] = image.GetOrigin()
    to_index = np.linalg.inv(to_mm)
    masks = []
    for plane in placed.planes:
        row, column = np.mgrid[: plane.rows, : plane.columns]
        points = np.stack([column, row, 0 * row, 0 * row + 1]).reshape(4, -1)
        index = (to_index @ plane.affine @ points)[:3]
        nearest = np.rint(index).astype(int)
        inside = ((nearest >= 0) & (nearest < size[:, None])).all(axis=0)
        off_mm = np.linalg.norm(to_mm[:3, :3] @ (index - nearest)[:, inside], axis=0)
        if off_mm.max(initial=0) > SAME_PLACE_MM:
            raise UnplacedError("slices are not where its voxels are")
        mask = np.zeros(points.shape[1], dtype=np.uint8)
        mask[inside] = voxels[tuple(nearest[::-1, inside])]
        masks.append(mask.reshape(plane.rows, plane.columns))
    if sum(int(mask.sum()) for mask in masks) != voxels.sum():
        raise UnplacedError("it shows bone where there is no slice")
    return np.stack(masks)


def by_dciodvfy(paths: list[Path]) -> int:
    errors = 0
    for path in paths:
        done = subprocess.run(["dciodvfy", path], capture_output=True, text=True, check=False)
        errors += sum(line.startswith("Error") for line in (done.stdout + done.stderr).splitlines())
    return errors


def converted(command: list[str | Path], pattern: str, refusal: str) -> SimpleITK.Image:
    """The one image that a program writes into the folder which its command ends with."""
    with tempfile.TemporaryDirectory() as folder:
        done = subprocess.run([*command, folder], capture_output=True, check=False)
        found = list(Path(folder).glob(pattern))
        if done.returncode or len(found) != 1:
            raise UnplacedError(refusal)
        return SimpleITK.ReadImage(str(found[0]))


def by_dcmqi(seg: Path, placed: ResultPlanes, masks: NDArray[np.uint8]) -> int:
    command: list[str | Path] = ["segimage2itkimage", "-t", "nrrd"]
    command += ["--inputDICOM", seg, "--outputDirectory"]
    image = converted(command, "*.nrrd", "it refuses the segmentation")
    return int((sampled(image, placed) != masks).sum())


def by_itk(seg: Path, placed: ResultPlanes, masks: NDArray[np.uint8]) -> int:
    """Compare frame by frame; where each lies is taken from the header by pydicom alone."""
    frames = SimpleITK.GetArrayFromImage(SimpleITK.ReadImage(str(seg))) != 0
    origins = np.array([plane.affine[:3, 3] for plane in placed.planes])
    left = masks.copy()
    differing = 0
    for frame, group in zip(frames, dcmread(seg).PerFrameFunctionalGroupsSequence, strict=True):
        position = np.array(group.PlanePositionSequence[0].ImagePositionPatient, dtype=np.float64)
        index = int(np.linalg.norm(origins - position, axis=1).argmin())
        differing += int((frame != left[index]).sum())
        left[index] = 0
    return differing + int(left.sum())


def by_dcmrtstruct2nii(
    path: Path, folder: Path, placed: ResultPlanes, masks: NDArray[np.uint8]
) -> int:
    command: list[str | Path] = ["dcmrtstruct2nii", "convert", "-r", path, "-d", folder, "-o"]
    image = converted(command, "mask_*.nii.gz", "ITK cannot read the series")
    return int((sampled(image, placed) != masks).sum())


def row(name: str, path: Path, folder: Path) -> tuple[list[str], bool]:
    """One line of the table, and whether every reader that could place the scan agrees."""
    scan = read_scan(path)
    mask = scan.volume.with_voxels((scan.volume.voxels > BONE_HU).astype(np.uint8))
    placed = result_planes(scan)
    segment: Segment = placed.segment("bone", mask)
    with tempfile.TemporaryDirectory() as out:
        seg, structures = Path(out, "segmentation.dcm"), Path(out, "structures.dcm")
        write_segmentation([segment], placed, ALGORITHM, seg)
        write_rtstruct([segment], placed, ALGORITHM, structures)
        checks: tuple[tuple[str, Callable[[], int]], ...] = (
            ("dciodvfy", lambda: by_dciodvfy([seg, structures])),
            ("segimage2itkimage", lambda: by_dcmqi(seg, placed, segment.masks)),
            ("", lambda: by_itk(seg, placed, segment.masks)),
            (
                "dcmrtstruct2nii",
                lambda: by_dcmrtstruct2nii(structures, folder, placed, segment.masks),
            ),
        )
        cells, agrees = [], True
        for program, check in checks:
            if program and shutil.which(program) is None:
                cells.append("not here")
                continue
            try:
                differing = check()
            except UnplacedError as reason:
                cells.append(f"– ({reason})")
                continue
            cells.append(str(differing))
            agrees = agrees and differing == 0
    return [name, str(len(placed.planes)), str(int(segment.masks.sum())), *cells], agrees


def scans(words: list[str], data: bool) -> Iterator[tuple[str, Path, Path]]:
    """Name, path to read and the slices' folder."""
    if data:
        for folder in sorted(data_home().glob("*/dicom")):
            yield folder.parent.name, folder, folder
        return
    for name, case in CASES.items():
        if not isinstance(case.expect, Same) or (words and not any(one in name for one in words)):
            continue
        with tempfile.TemporaryDirectory() as parent:
            folder = Path(parent, "ct")
            folder.mkdir()
            case.write(folder)
            yield name, folder / case.read, folder


def main(argv: Sequence[str] | None = None) -> None:
    parser = parser_of(__doc__)
    parser.add_argument("--data", action="store_true", help="the real series, not the forms")
    parser.add_argument("--forms", nargs="*", default=[], help="words of the forms to take")
    options = parser.parse_args(argv)
    SimpleITK.ProcessObject.SetGlobalWarningDisplay(False)
    print_heading(*HEADINGS)
    all_agree = True
    for name, path, folder in scans(options.forms, options.data):
        cells, agrees = row(name, path, folder)
        all_agree = all_agree and agrees
        print_row(*cells)
    sys.exit(not all_agree)


if __name__ == "__main__":
    main()
