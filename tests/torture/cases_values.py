"""Headers that contradict the pixels: rescale, sign, padding, lengths, and series without bones."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np

from .case import Case, Write, doubtful, refused, same
from .cases_pixels import SIGNED, TWELVE_BITS, padded
from .companions import other_uid
from .encoding import Stored, StoredArray
from .files import HUArray, SliceFile
from .forms import as_series, below, changed, edited, having, plain, together, writing
from .leg import THRESHOLD_HU
from .planes import SLICES

_THIRD = range(0, SLICES, 3)
_ONE = (SLICES // 2,)
_DECLARED_UNSIGNED = {"PixelRepresentation": 0}


def _some(change: Callable[[SliceFile], SliceFile], indices: range | tuple[int, ...]) -> Write:
    return writing(changed(plain(), change, indices))


def _without(*keywords: str) -> Callable[[SliceFile], SliceFile]:
    return lambda file: file.having(**dict.fromkeys(keywords))


def _saying(**elements: object) -> Callable[[SliceFile], SliceFile]:
    return lambda file: file.having(**elements)


def _hu_stored(**elements: object) -> Callable[[SliceFile], SliceFile]:
    return lambda file: replace(file, stored=SIGNED).having(**elements)


def _bits_of(value: int) -> Callable[[StoredArray], StoredArray]:
    return lambda stored: np.asarray(value - stored.astype(np.int32)).astype(stored.dtype)


def _twelve_unsigned(stored: StoredArray) -> StoredArray:
    return stored & np.array(0x0FFF, stored.dtype)


def _with_commas(path: Path) -> None:
    content = path.read_bytes()
    path.write_bytes(content.replace(b"0.95\\0.95", b"0,95\\0,95"))


def _without_bone(hu: HUArray) -> HUArray:
    return np.where(hu > THRESHOLD_HU - 100, -1024, hu).astype(hu.dtype)


def _beside(*, bare: bool = False, **elements: object) -> Write:
    """The plain slices, and a second series of the same places in a folder below."""
    files = [replace(file, change_hu=_without_bone) if bare else file for file in plain()]
    second = as_series(files, other_uid(31), SeriesNumber=5, **elements)
    return together(writing(plain()), below("OTHER", writing(second)))


CASES: dict[str, Case] = {
    "rescale missing in every third slice": doubtful(
        _some(_without("RescaleSlope", "RescaleIntercept"), _THIRD), SLICES, "RESCALE_BORROWED"
    ),
    "rescale missing in one slice": doubtful(
        _some(_without("RescaleSlope", "RescaleIntercept"), _ONE), SLICES, "RESCALE_BORROWED"
    ),
    "intercept missing in every third slice": doubtful(
        _some(_without("RescaleIntercept"), _THIRD), SLICES, "RESCALE_BORROWED"
    ),
    "rescale missing in some, their stored values are HU": doubtful(
        _some(_hu_stored(RescaleSlope=None, RescaleIntercept=None), _THIRD),
        SLICES,
        "RESCALE_MISSING_IN_SOME",
    ),
    "intercept 0 in every third slice": doubtful(
        _some(_saying(RescaleIntercept=0), _THIRD), SLICES, "RESCALE_CORRECTED"
    ),
    "intercept −2048 in one slice": doubtful(
        _some(_saying(RescaleIntercept=-2048), _ONE), SLICES, "RESCALE_CORRECTED"
    ),
    "slope 2 in every third slice": doubtful(
        _some(_saying(RescaleSlope=2), _THIRD), SLICES, "RESCALE_CORRECTED"
    ),
    "HU stored in one slice, intercept stated": doubtful(
        _some(_hu_stored(RescaleIntercept=-1024), _ONE), SLICES, "RESCALE_CORRECTED"
    ),
    "intercept twice": refused(writing(having(plain(), RescaleIntercept=-2048)), "VALUES_NOT_HU"),
    "slope 2 stated for 1": refused(writing(having(plain(), RescaleSlope=2)), "VALUES_NOT_HU"),
    "slope 0.5 stated for 1": refused(writing(having(plain(), RescaleSlope=0.5)), "VALUES_NOT_HU"),
    "values inverted": refused(writing(plain(change_stored=_bits_of(4095))), "VALUES_NOT_HU"),
    "values inverted in one slice": refused(
        writing(changed(plain(), lambda file: replace(file, change_stored=_bits_of(4095)), _ONE)),
        "SLICES_DISAGREE",
    ),
    "signed values declared unsigned": doubtful(
        writing(having(plain(stored=SIGNED), **_DECLARED_UNSIGNED)), SLICES, "SIGN_WRONG"
    ),
    "signed values declared unsigned, every third slice": doubtful(
        _some(_hu_stored(**_DECLARED_UNSIGNED), _THIRD), SLICES, "SIGN_WRONG"
    ),
    "12 signed bits declared unsigned": doubtful(
        writing(
            having(
                plain(stored=replace(SIGNED, bits=12), change_stored=_twelve_unsigned),
                **_DECLARED_UNSIGNED,
            )
        ),
        SLICES,
        "SIGN_WRONG",
    ),
    "12 unsigned bits declared signed": doubtful(
        writing(having(plain(stored=TWELVE_BITS), PixelRepresentation=1)), SLICES, "SIGN_WRONG"
    ),
    "padding −2000 in unsigned numbers, not stated": doubtful(
        writing(having(padded(Stored(signed=True), -2000), **_DECLARED_UNSIGNED)),
        SLICES,
        "SIGN_WRONG",
    ),
    "padding brighter than bone, not stated": doubtful(
        writing(padded(Stored(bits=13), 4095)), SLICES, "BRIGHT_PADDING"
    ),
    "flesh named padding": doubtful(
        writing(having(plain(), PixelPaddingValue=1024 + 50)), SLICES, "PADDING_IN_BODY", "PADDING"
    ),
    "bone named padding": doubtful(
        writing(having(plain(), PixelPaddingValue=1024 + 1200)),
        SLICES,
        "PADDING_IN_BODY",
        "PADDING",
    ),
    "pixel spacing 0": refused(writing(having(plain(), PixelSpacing=[0, 0])), "BAD_SPACING"),
    "pixel spacing negative": refused(
        writing(having(plain(), PixelSpacing=[-0.95, -0.95])), "BAD_SPACING"
    ),
    "pixel spacing with decimal commas": refused(
        edited(writing(plain()), _with_commas), "BAD_NUMBERS"
    ),
    "pixels of 12 mm": refused(writing(having(plain(), PixelSpacing=[12, 12])), "TOO_COARSE"),
    "bone-removed series beside": same(
        _beside(bare=True, SeriesDescription="CTA BONE REMOVED"), SLICES
    ),
    "series without bones beside, nothing says so": same(_beside(bare=True), SLICES),
    "iodine map beside": same(_beside(SeriesDescription="DE_Jodkarte"), SLICES),
    "virtual monoenergetic series beside": same(
        _beside(SeriesDescription="Mono+ 50 keV"), SLICES, "SEVERAL_SERIES"
    ),
    "virtual monoenergetic series only": doubtful(
        writing(having(plain(), SeriesDescription="MonoE 70keV")), SLICES, "DERIVED_SERIES"
    ),
    "bone-removed series only": refused(
        writing(having(plain(), SeriesDescription="Becken ohne Knochen")), "NO_CT_SERIES"
    ),
}
