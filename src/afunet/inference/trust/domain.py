"""Whether a scan is like those that the expected Dice was measured on."""

from __future__ import annotations

from math import log

import numpy as np
from numpy.typing import NDArray

from afunet.inference.trust.doubt import doubt_logs
from afunet.inference.trust.signs import Signs

OTHER_REGIONS = frozenset({"arm", "trunk", "head", "whole body"})
MOST_UNNAMED = 0.25  # of the bone; by judgement: on legs nearly every piece has a name
SLACK = log(1.1)
BEYOND = {
    "unsure": "the network is less sure",
    "outline": "the bones are thinner for the size of the pixels",
    "faint": "the bone stands out less from what lies beside it",
    "change": "the bone changes more from slice to slice",
    "dense": "more is dense beside the bone",
    "noise": "it is noisier",
    "flip": "the network draws mirrored slices more differently",
}

LOWERS = {
    "unsure": "the network is unsure of the outline",
    "outline": "the bones are thin for the size of the pixels",
    "faint": "bone hardly stands out from what lies beside it",
    "change": "the bone changes much from slice to slice",
    "dense": "much is dense beside the bone",
    "noise": "the scan is noisy",
    "flip": "the network draws mirrored slices differently",
}


def outside(signs: Signs, region: str = "unknown", unnamed: float = 0.0) -> str:
    """Why the scan lies outside what was measured, "" where nothing speaks for it.

    `region` is the guess from the header, `unnamed` the share of the bone, where names were looked
    for, that got none of the leg.
    """
    if region in OTHER_REGIONS:
        where = "the whole body" if region == "whole body" else f"the {region}"
        return f"its header says that it shows {where}"
    if unnamed > MOST_UNNAMED:
        return f"{unnamed:.0%} of the bone is no bone of the leg that is known"
    beyond = [BEYOND[sign] for sign, by in _beyond(signs) if by > SLACK]
    return f"{beyond[0]} than in any scan there" if beyond else ""


def why_low(signs: Signs) -> str:
    """What lowers the expected Dice most against a usual scan, "" where nothing much does."""
    model = signs.model
    if model is None or not signs.doubts:
        return ""
    extra = (_mean_logs(signs) - np.array(model.usual)) * np.array(model.lines[1][1:])
    most = int(extra.argmax())
    return LOWERS[model.signs[most]] if extra[most] > log(1.25) else ""


def _beyond(signs: Signs) -> list[tuple[str, float]]:
    """By how much, in logarithms, every sign exceeds all that was fitted on; the furthest first."""
    if signs.model is None or not signs.doubts:
        return []
    by = _mean_logs(signs) - np.array(signs.model.most)
    return sorted(zip(signs.model.signs, by.tolist(), strict=True), key=lambda pair: -pair[1])


def _mean_logs(signs: Signs) -> NDArray[np.float64]:
    """(signs,) of the whole scan: logarithms, slices weighed by their bone."""
    assert signs.model is not None
    weights = [one.pixels for one in signs.slices]
    return np.asarray(
        np.average(doubt_logs(signs.doubts, signs.model.signs), axis=0, weights=weights)
    )
