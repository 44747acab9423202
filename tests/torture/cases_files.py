"""Transfer syntaxes, file headers, cut files and texts."""

from __future__ import annotations

from dataclasses import replace

from pydicom.dataset import Dataset
from pydicom.encaps import encapsulate
from pydicom.uid import (
    JPEG2000,
    UID,
    DeflatedExplicitVRLittleEndian,
    ExplicitVRBigEndian,
    ExplicitVRLittleEndian,
    HTJ2KLossless,
    HTJ2KLosslessRPCL,
    ImplicitVRLittleEndian,
    JPEG2000Lossless,
    JPEGBaseline8Bit,
    JPEGExtended12Bit,
    JPEGLossless,
    JPEGLosslessSV1,
    JPEGLSLossless,
    JPEGLSNearLossless,
    RLELossless,
)

from .case import Case, Write, doubtful, refused, same
from .cases_pixels import EIGHT_BITS, SIGNED, TWELVE_BITS
from .encoding import UNSIGNED, Stored
from .enhanced import write_enhanced
from .files import SliceFile
from .forms import changed, cut_at, edited, having, plain, redone, without, writing
from .planes import SLICES

MPEG4 = UID("1.2.840.10008.1.2.4.102")
_ONE, _FEW = "IM0009", ("IM0008", "IM0009")


def _as(syntax: str, stored: Stored = UNSIGNED) -> Write:
    return writing(plain(syntax=syntax, stored=stored))


def _lossy(syntax: str, stored: Stored = UNSIGNED) -> Write:
    return writing(having(plain(syntax=syntax, stored=stored), LossyImageCompression="01"))


def _enhanced(files: list[SliceFile], syntax: str = ExplicitVRLittleEndian) -> Write:
    return lambda folder: write_enhanced(folder / "ENHANCED", files, syntax)


def _as_video(dataset: Dataset) -> None:
    dataset.PixelData = encapsulate([b"\0\0\1\xb3" * 40])
    dataset["PixelData"].is_undefined_length = True
    dataset.file_meta.TransferSyntaxUID = MPEG4


def _lengthen(dataset: Dataset) -> None:
    dataset.PixelData += bytes(512)


def _without_pixels(dataset: Dataset) -> None:
    del dataset.PixelData


def _with_baggage(dataset: Dataset) -> None:
    """Elements that images in the wild carry: private ones, an icon, an overlay plane."""
    block = dataset.private_block(0x0019, "TORTURE 1.0", create=True)
    block.add_new(0x01, "UN", bytes(range(256)))
    icon = Dataset()
    icon.Rows = icon.Columns = 4
    icon.BitsAllocated = icon.BitsStored = 8
    icon.HighBit, icon.PixelRepresentation, icon.SamplesPerPixel = 7, 0, 1
    icon.PhotometricInterpretation = "MONOCHROME2"
    icon.PixelData = bytes(16)
    icon["PixelData"].VR = "OB"
    dataset.IconImageSequence = [icon]
    overlay = dataset.Rows * dataset.Columns // 8
    for element, kind, value in (
        (0x0010, "US", dataset.Rows),
        (0x0011, "US", dataset.Columns),
        (0x0040, "CS", "G"),
        (0x0050, "SS", [1, 1]),
        (0x0100, "US", 1),
        (0x0102, "US", 0),
        (0x3000, "OW", bytes(overlay + overlay % 2)),
    ):
        dataset.add_new((0x6000, element), kind, value)


def _half_of_rescale() -> list[SliceFile]:
    return changed(
        plain(),
        lambda file: replace(file, stored=Stored(slope=0.5, intercept=-1000.0)),
        range(0, SLICES, 2),
    )


def _mixed_syntaxes() -> list[SliceFile]:
    files = changed(plain(), lambda file: replace(file, syntax=RLELossless), range(0, SLICES, 3))
    return changed(files, lambda file: replace(file, syntax=JPEG2000Lossless), range(1, SLICES, 3))


CASES: dict[str, Case] = {
    "implicit little endian": same(_as(ImplicitVRLittleEndian), SLICES),
    "explicit big endian": same(_as(ExplicitVRBigEndian), SLICES),
    "explicit big endian, signed": same(_as(ExplicitVRBigEndian, SIGNED), SLICES),
    "deflated": same(_as(DeflatedExplicitVRLittleEndian), SLICES),
    "RLE": same(_as(RLELossless), SLICES),
    "JPEG lossless (process 14)": same(_as(JPEGLossless, TWELVE_BITS), SLICES),
    "JPEG lossless (selection value 1)": same(_as(JPEGLosslessSV1), SLICES),
    "JPEG lossless (selection value 1), signed": same(_as(JPEGLosslessSV1, SIGNED), SLICES),
    "JPEG lossless (selection value 1), 12 bits signed": same(
        _as(JPEGLosslessSV1, replace(SIGNED, bits=12)), SLICES
    ),
    "JPEG-LS lossless": same(_as(JPEGLSLossless), SLICES),
    "JPEG-LS lossless, signed": same(_as(JPEGLSLossless, SIGNED), SLICES),
    "JPEG 2000 lossless": same(_as(JPEG2000Lossless), SLICES),
    "JPEG 2000 lossless, signed": same(_as(JPEG2000Lossless, SIGNED), SLICES),
    "HTJ2K lossless": same(_as(HTJ2KLossless), SLICES),
    "HTJ2K lossless, RPCL": same(_as(HTJ2KLosslessRPCL), SLICES),
    "JPEG baseline, 8 bits": doubtful(
        _lossy(JPEGBaseline8Bit, EIGHT_BITS), SLICES, "LOSSY_COMPRESSION"
    ),
    "JPEG extended, 12 bits": doubtful(
        _lossy(JPEGExtended12Bit, TWELVE_BITS), SLICES, "LOSSY_COMPRESSION"
    ),
    "JPEG-LS near lossless": doubtful(_lossy(JPEGLSNearLossless), SLICES, "LOSSY_COMPRESSION"),
    "JPEG 2000 lossy": doubtful(_lossy(JPEG2000), SLICES, "LOSSY_COMPRESSION"),
    "lossy before, stored uncompressed": doubtful(
        _lossy(ExplicitVRLittleEndian), SLICES, "LOSSY_COMPRESSION"
    ),
    "several syntaxes in one series": same(writing(_mixed_syntaxes()), SLICES),
    "MPEG-4 video": refused(edited(writing(plain()), redone(_as_video)), "NO_DECODER"),
    "no preamble (implicit)": same(
        writing(plain(header=False, syntax=ImplicitVRLittleEndian)), SLICES, "NO_FILE_HEADER"
    ),
    "no preamble (explicit)": same(writing(plain(header=False)), SLICES, "NO_FILE_HEADER"),
    "no transfer syntax (explicit)": same(
        writing(plain(syntax_named=False)), SLICES, "NO_TRANSFER_SYNTAX"
    ),
    "no transfer syntax (implicit)": same(
        writing(plain(syntax_named=False, syntax=ImplicitVRLittleEndian)),
        SLICES,
        "NO_TRANSFER_SYNTAX",
    ),
    "enhanced multi-frame": same(_enhanced(plain()), SLICES),
    "enhanced multi-frame, frames shuffled": same(
        _enhanced(plain()[::2] + plain()[1::2][::-1]), SLICES
    ),
    "enhanced multi-frame, JPEG-LS": same(_enhanced(plain(), JPEGLSLossless), SLICES),
    "enhanced multi-frame, rescale by frame": same(
        _enhanced(_half_of_rescale()), SLICES, "MIXED_RESCALE"
    ),
    "enhanced multi-frame, one frame missing": doubtful(
        _enhanced(without(plain(), 40)), SLICES, "GAP"
    ),
    "pixel data longer than the image": same(
        edited(writing(plain()), redone(_lengthen), *_FEW), SLICES
    ),
    "no pixel data in one slice": refused(
        edited(writing(plain()), redone(_without_pixels), _ONE), "CUT_PIXELS"
    ),
    "pixel data cut": refused(edited(writing(plain()), cut_at(0.7), _ONE), "CUT_PIXELS"),
    "compressed pixel data cut": refused(edited(_as(RLELossless), cut_at(0.7), _ONE), "CUT_PIXELS"),
    "file cut in its header": refused(edited(writing(plain()), cut_at(0.04), _ONE), "CUT_FILE"),
    "private elements, icon and overlay plane": same(
        edited(writing(plain()), redone(_with_baggage)), SLICES
    ),
    "texts in Japanese": same(
        writing(
            having(
                plain(),
                SpecificCharacterSet="ISO_IR 192",
                SeriesDescription="左膝",
                InstitutionName="整形外科",
            )
        ),
        SLICES,
    ),
}
