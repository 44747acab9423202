"""Whether a scan is similar to the scans that the expected Dice was fitted on."""

from __future__ import annotations

from math import log

import numpy as np
from numpy.typing import NDArray

from afunet.inference.trust.doubt import doubt_logs
from afunet.inference.trust.signs import Signs

OTHER_REGIONS = frozenset({"arm", "trunk", "head", "whole body"})
MOST_UNNAMED = 0.25  # share of the bone; by judgement: on legs nearly every piece gets a name
SLACK = log(1.1)
BEYOND = {
    "unsure": "the network is less sure",
    "outline": "the bones are thinner compared with the pixels",
    "faint": "the bone stands out less from the tissue beside it",
    "change": "the bone changes more from slice to slice",
    "dense": "more dense material lies beside the bone",
    "noise": "it is noisier",
}

LOWERS = {
    "unsure": "the network is unsure of the outline",
    "outline": "the bones are thin compared with the pixels",
    "faint": "the bone hardly stands out from the tissue beside it",
    "change": "the bone changes a lot from slice to slice",
    "dense": "much dense material lies beside the bone",
    "noise": "the scan is noisy",
}


def outside(signs: Signs, region: str = "unknown", unnamed: float = 0.0) -> str:
    """Return why the scan is unlike those that the model was fitted on, "" if nothing suggests it.

    `region` is the guess from the header; `unnamed` is the share of the bone that did not get the
    name of a leg bone, 0 if no names were looked for.
    """
    if region in OTHER_REGIONS:
        where = "the whole body" if region == "whole body" else f"the {region}"
        return f"its header says that it shows {where}"
    if unnamed > MOST_UNNAMED:
        return f"{unnamed:.0%} of the bone was not recognised as a bone of the leg"
    beyond = [BEYOND[sign] for sign, by in _beyond(signs) if by > SLACK]
    return f"{beyond[0]} than in any scan there" if beyond else ""


def why_low(signs: Signs) -> str:
    """Return what lowers the expected Dice most compared with a usual scan, or ""."""
    model = signs.model
    if model is None or not signs.doubts:
        return ""
    extra = (_mean_logs(signs) - np.array(model.usual)) * np.array(model.lines[1][1:])
    most = int(extra.argmax())
    return LOWERS[model.signs[most]] if extra[most] > log(1.25) else ""


def _beyond(signs: Signs) -> list[tuple[str, float]]:
    """How far each sign exceeds all scans fitted on, in logarithms, the largest first."""
    if signs.model is None or not signs.doubts:
        return []
    by = _mean_logs(signs) - np.array(signs.model.most)
    return sorted(zip(signs.model.signs, by.tolist(), strict=True), key=lambda pair: -pair[1])


def _mean_logs(signs: Signs) -> NDArray[np.float64]:
    """The logarithms of the whole scan's signs, (signs,), slices weighted by their bone."""
    assert signs.model is not None
    weights = [one.pixels for one in signs.slices]
    return np.asarray(
        np.average(doubt_logs(signs.doubts, signs.model.signs), axis=0, weights=weights)
    )
