"""The algorithm that a DICOM result names."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Algorithm:
    """The algorithm that found the bones: name, version, and the SHA-256 of its weights."""

    name: str
    version: str
    weights_sha256: str
