"""Segment the bones of the lower limb in CT: a scan in; a mask, surfaces and a report out.

    import afunet

    case = afunet.segment("ct")
    case.mask, case.pieces, case.meshes, case.report

Each public name is imported when it is first used, and the libraries behind it with it.
"""

from __future__ import annotations

import os
import time
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from afunet.errors import AfunetError as AfunetError
    from afunet.formats.readers import read_scan as read_scan
    from afunet.geometry import Mesh as Mesh
    from afunet.geometry import Volume as Volume
    from afunet.models import build_model as build_model
    from afunet.phantom import LegConfig as LegConfig
    from afunet.phantom import simulate as simulate
    from afunet.workflows.analyse import AnalysisRules as AnalysisRules
    from afunet.workflows.analyse import analyse as analyse
    from afunet.workflows.evaluate import evaluate as evaluate
    from afunet.workflows.network import load_network as load_network
    from afunet.workflows.segment import SegmentOptions as SegmentOptions
    from afunet.workflows.segment import segment as segment

    __version__: str

os.environ["ORT_DISABLE_TELEMETRY"] = "1"
"""onnxruntime's packages report to their maker, and only heed this before they are imported."""
_IMPORTED_AT = time.perf_counter()
_HOMES = {
    "AfunetError": "errors",
    "AnalysisRules": "workflows.analyse",
    "LegConfig": "phantom",
    "Mesh": "geometry",
    "SegmentOptions": "workflows.segment",
    "Volume": "geometry",
    "analyse": "workflows.analyse",
    "build_model": "models",
    "evaluate": "workflows.evaluate",
    "load_network": "workflows.network",
    "read_scan": "formats.readers",
    "segment": "workflows.segment",
    "simulate": "phantom",
}
__all__ = ["__version__", *_HOMES]


def __getattr__(name: str) -> Any:
    """Import a public name from its module (PEP 562)."""
    import importlib

    if name == "__version__":
        from importlib.metadata import version

        found: Any = version("afunet")
    elif name in _HOMES:
        from afunet.extras import missing_package

        try:
            found = getattr(importlib.import_module(f"afunet.{_HOMES[name]}"), name)
        except ModuleNotFoundError as error:
            raise missing_package(error) or error from None
    else:
        raise AttributeError(f"module 'afunet' has no attribute {name!r}")
    globals()[name] = found
    return found


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
