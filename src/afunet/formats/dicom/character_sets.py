"""Decode header bytes by SpecificCharacterSet (PS3.3 C.12.1.1.2, PS3.5 6.1)."""

from __future__ import annotations

import re
import warnings

from pydicom.charset import convert_encodings, decode_bytes, python_encoding
from pydicom.valuerep import PN_DELIMS, TEXT_VR_DELIMS

UTF_8 = "ISO_IR 192"
# pydicom's codecs, and one that joined the standard in 2020.
_CODECS = {**python_encoding, "ISO_IR 203": "iso8859_15"}
# Parts of ISO 8859, as some programs name them, and their registry numbers in DICOM.
_PARTS_OF_8859 = {
    1: 100,
    2: 101,
    3: 109,
    4: 110,
    5: 144,
    6: 127,
    7: 126,
    8: 138,
    9: 148,
    11: 166,
    15: 203,
}
_OTHER_TERMS = {
    "UTF8": UTF_8,
    "LATIN1": "ISO_IR 100",
    "ASCII": "",
    "USASCII": "",
    "ISOIR6": "",  # not a defined term, though it names the default
}
# PS3.3 C.12.1.1.2: these stand alone, without code extensions.
ALONE = (UTF_8, "GB18030", "GBK")
_ESCAPE = re.compile(r"\x1b[\x20-\x2f]+[\x30-\x7e]")  # ISO/IEC 2022
_DELIMITERS = TEXT_VR_DELIMS | PN_DELIMS | {ord("=")}


def defined_term(term: str) -> str | None:
    """DICOM's term for a character set, "" for the default; None if the term is unknown."""
    if term in _CODECS and term != "ISO_IR 6":
        return term
    letters = re.sub(r"[^A-Z0-9]", "", term.upper())
    if letters in _OTHER_TERMS:
        return _OTHER_TERMS[letters]
    if part := re.fullmatch(r"ISO8859([0-9]+)|8859([0-9]+)|LATIN([0-9]+)", letters):
        number = _PARTS_OF_8859.get(int(part[1] or part[2] or 0))
        return None if number is None else f"ISO_IR {number}"
    spelled = {re.sub(r"[^A-Z0-9]", "", known): known for known in python_encoding if known}
    return spelled.get(letters)


def decoded(content: bytes, terms: tuple[str, ...]) -> str | None:
    """Decode bytes by the character sets of these defined terms; None if that is impossible.

    If no character set is named and the bytes are not ASCII, they are taken as UTF-8 if they are
    valid UTF-8, which hardly ever happens by chance.
    """
    if content.isascii() and b"\x1b" not in content:
        return content.decode("ascii")
    try:
        if not any(terms):
            return content.decode("utf-8")
        if len(terms) == 1 and not terms[0].startswith("ISO 2022"):
            return content.decode(_CODECS[terms[0]])
        with warnings.catch_warnings():
            warnings.simplefilter("error")  # pydicom warns and inserts a replacement character
            text = decode_bytes(content, convert_encodings(list(terms)), _DELIMITERS)
            return _ESCAPE.sub("", text)  # some codecs leave escape sequences in
    except (ValueError, LookupError, Warning):
        return None


def character_set_for(text: str, terms: tuple[str, ...]) -> str:
    """The character set to write a result in: the header's own if it has a single one.

    Code extensions (ISO 2022) become UTF-8; ASCII needs none ("").
    """
    if text.isascii():
        return ""
    if len(terms) == 1 and terms[0] in python_encoding and not terms[0].startswith("ISO 2022"):
        return terms[0] or UTF_8
    return UTF_8
