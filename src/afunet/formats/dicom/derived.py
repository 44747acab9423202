"""Recognise CT series that were computed from others, by the words that vendors write.

The words are searched in ImageType, SeriesDescription and DerivationDescription. ProtocolName
counts only without a SeriesDescription, because a protocol names everything made from one scan.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from afunet.formats.dicom.header import Header


@dataclass(frozen=True)
class Derived:
    """A kind of computed series; `shows_bone` says whether bones look nearly as in the CT."""

    kind: str
    words: re.Pattern[str]
    shows_bone: bool = False


def _words(*patterns: str) -> re.Pattern[str]:
    """Match any of the patterns as whole words, separated by anything but letters."""
    joined = "|".join(pattern.replace(" ", r"[\W_]*") for pattern in patterns)
    return re.compile(rf"(?<![a-zà-ÿ])(?:{joined})(?![a-zà-ÿ])", re.IGNORECASE)


_MATERIAL = "(?:iodine|water|calcium|hap|uric acid|fat|blood)"

# Siemens, GE, Philips, Canon and Sectra, English and German; MAT_… and VMI are DICOM's own
# (PS3.3 C.8.15.2.1.1 and C.8.15.3.2, multi-energy CT). The first match counts.
KINDS = (
    Derived(
        "bone-removed series",
        _words(
            "bones? (?:removed|removal|remove|rem|free|less|sub|subtracted|subtraction)",
            "bones? (?:suppressed|suppression|elimination|segmented out)",
            "(?:no|non|minus|w/?o|without|auto|removed|remove) bones?",
            "removal of bones?",
            "deboned?",
            "(?:sure)?subtraction",
            "subtraktion",
            "knochen (?:frei|los|entfernung|entfernt|subtraktion|subtrahiert|elimination)",
            "(?:ohne|kein|keine|entfernte) knochen",
            "entknocht",
        ),
    ),
    Derived(
        "calcium-suppressed series",
        _words(
            "ca(?:lcium)? supp?(?:ression|ressed)?",
            "virtual (?:non|no) calcium",
            "vnca",
            "bone marrow (?:o?edema|map|overlay)",
            "knochenmark ?(?:ödem|oedem|karte)",
            "mat_removed",
        ),
    ),
    Derived(
        "map of a material",
        _words(
            "(?:iodine|iod|jod) (?:map|karte|density|dichte|overlay|bild|image|no water|uptake)",
            rf"{_MATERIAL} \({_MATERIAL}\)",
            "gsi md",
            "material (?:density|decomposition|map)",
            "mat_(?:specific|fractional|value_based)",
            "uric acid(?: removed| pair)?",
            "(?:z effective|effective z|z eff|zeff|rho z|eff(?:ective)? atomic num(?:ber)?)",
            "electron density|elektronendichte",
            "contrast enhanced structures",
        ),
    ),
    Derived(
        "perfusion map",
        _words(
            "perfusions? ?(?:map|maps|karte|karten|parameter|bild|blood volume)?",
            "r?cbf|r?cbv|mtt|ttp|tmax|pbv",
            "blood (?:flow|volume)|blutfluss|blutvolumen",
        ),
    ),
    Derived(
        "projection (MIP)",
        _words(
            "(?:thin|thick|ct|cor|sag|ax|axial)? mips?",
            "min ?ips?",
            "m(?:ax|in)(?:imum)? intensity",
        ),
    ),
    Derived("rendered picture", _words("vrt", "3d render(?:ed|ing)?", "volume render(?:ed|ing)?")),
    Derived(
        "localizer (scout)",
        _words(
            "scouts?", "topo(?:gram(?:m)?)?", "scanogram", "surview", "locali[sz]ers?", "übersicht"
        ),
    ),
    Derived(
        "virtual monoenergetic series",
        _words(
            "mono ?e?(?:chromatic|energetic|energetisch)?",
            r"\d{2,3} kev",
            "vmi",
            "virtual mono(?:chromatic|energetic)?",
        ),
        shows_bone=True,
    ),
    Derived(
        "virtual non-contrast series",
        _words(
            "vnc",
            "vue",
            "virtual (?:non|no|un) ?(?:contrast|enhanced)",
            "virtuell nativ(?:e|es)?",
            "mat_modified",
        ),
        shows_bone=True,
    ),
)


def derived_kind(header: Header) -> Derived | None:
    """The kind of computed series that the header names; None if it names none."""
    texts = (*header.image_type, header.series_description or header.protocol, header.derivation)
    said = " ; ".join(filter(None, texts))
    return next((kind for kind in KINDS if kind.words.search(said)), None)
