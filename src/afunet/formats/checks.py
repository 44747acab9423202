"""The checks that every scan must pass, whatever its format."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from afunet.errors import InputError
from afunet.findings import Finding, warning
from afunet.formats.continuity import continuity_findings
from afunet.formats.field import field_findings
from afunet.formats.hu_scale import require_hu
from afunet.formats.lengths import spacing_findings
from afunet.formats.png_stack import KIND as PNG_STACK
from afunet.formats.scan import Scan
from afunet.geometry import Volume
from afunet.geometry.shear import require_straight

BONE_IS_ABOVE_HU = 100


def checked_scan(scan: Scan) -> Scan:
    """Return the scan with findings if it shows no bone, is a single slice or cuts off the body.

    Raises `InputError` for values that are constant, not finite or not HU, and `GeometryError`
    for axes that are not perpendicular.
    """
    require_straight(scan.volume)
    low, high = _finite_range(scan.volume)
    if low == high:
        raise InputError(
            f"all voxels have the same value ({low:g}): there is no image; export the scan again",
            code="CONSTANT_IMAGE",
        )
    require_hu(scan.volume.voxels, whole_range=scan.source.kind != PNG_STACK)
    findings = scan.findings + _slice_findings(scan) + _value_findings(high)
    findings += continuity_findings(scan.volume.voxels)
    if scan.source.spacing_known:
        findings += field_findings(scan.volume)
        if not scan.planes:  # a DICOM stack was checked before its pixels were read
            findings += spacing_findings(scan.volume.spacing_mm)
    return replace(scan, findings=findings)


def _finite_range(volume: Volume) -> tuple[float, float]:
    voxels = volume.voxels
    if np.issubdtype(voxels.dtype, np.floating):
        bad = int(voxels.size - np.isfinite(voxels).sum())
        if bad:
            raise InputError(
                f"{bad} of {voxels.size} voxels are not finite numbers (NaN or infinite): "
                "replace them by HU first",
                code="NOT_FINITE",
            )
    return float(voxels.min()), float(voxels.max())


def _slice_findings(scan: Scan) -> tuple[Finding, ...]:
    said = any(finding.code == "ONE_SLICE" for finding in scan.findings)
    if scan.volume.shape[0] > 1 or said:
        return ()
    return (warning("ONE_SLICE", "the volume is a single slice"),)


def _value_findings(high: float) -> tuple[Finding, ...]:
    if high > BONE_IS_ABOVE_HU:
        return ()
    message = f"no voxel is brighter than {high:g} HU: this scan shows hardly any bone"
    return (warning("NO_BONE_VALUES", message),)
