"""The algorithm that a DICOM result names."""

from dataclasses import dataclass

MANUFACTURER = "afunet"


@dataclass(frozen=True)
class Algorithm:
    """The algorithm that found the bones: name, version, and the SHA-256 of its weights.

    `edited` says that somebody corrected the result by hand.
    """

    name: str
    version: str
    weights_sha256: str
    edited: bool = False

    @property
    def kind(self) -> str:
        """Return Segment Algorithm Type (PS3.3 C.8.20.2) or ROI Generation Algorithm (C.8.8.5)."""
        return "SEMIAUTOMATIC" if self.edited else "AUTOMATIC"
