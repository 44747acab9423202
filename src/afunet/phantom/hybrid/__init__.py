"""Hybrid truth: the real or simulated voxels of a bone, broken virtually, with exact labels.

Ranges follow the largest contact of each of the five broken hip bones and sacra of FracSegNet, as
experts label them. The surfaces leave a local plane by 0.35-0.50 mm (root mean square, voxel steps
included) within 5 mm, 0.50-0.62 within 8, 0.60-1.04 within 12 and 0.77-1.76 within 20. Voxels at
the contact are darker than bone of the same two fragments 3 to 6 mm away with a rank AUC of
0.54-0.67; down to 2 mm below the surface 0.68-0.79 (median 84 to 233 HU less, for the cortex ends
there), 2 to 6 mm deep 0.53-0.62 (3 to 44 HU less), deeper 0.22-0.66 (98 HU more to 23 less).
"""

from afunet.phantom.hybrid.breaking import broken
from afunet.phantom.hybrid.drawing import draw_break
from afunet.phantom.hybrid.plan import Break

__all__ = ["Break", "broken", "draw_break"]
