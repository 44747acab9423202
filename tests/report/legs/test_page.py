import base64
from io import BytesIO

import numpy as np
import pytest
import trimesh
from PIL import Image

from afunet.anatomy.bones import Bone, Side
from afunet.geometry import Mesh
from afunet.landmarks.results import Definition, Found, Line, Part, Unit
from afunet.landmarks.spread import Spread
from afunet.report.legs.page import legs_page, tables_of
from afunet.report.legs.picture import MARGIN_MM, leg_picture
from afunet.report.legs.projections import PROJECTIONS

X, Y, Z = np.eye(3)
ANGLE = Definition("angle", "between this & that")
RATIO = Definition("ratio", "this by that", Unit.RATIO)
FRONT, SIDE, FEMUR_BELOW, _ = PROJECTIONS


def femur(side: Side) -> Found:
    """A femur of a patient who lies straight in LPS: head 200 mm above the notch."""
    out = 1.0 if side is Side.LEFT else -1.0
    ways = {"lateral": out * X, "posterior": Y, "mechanical axis": Z}
    marks = {"Femoral Head Centre": 200 * Z, "Intercondylar Notch (ICN)": 0 * Z}
    marks["Posterior Medial Condyle (PMC)"] = -30 * out * X + 20 * Y
    marks["Posterior Lateral Condyle (PLC)"] = 30 * out * X + 20 * Y
    return Found(marks, {name: Line(0 * X, way) for name, way in ways.items()})


def bar() -> Mesh:
    box = trimesh.creation.box((80, 40, 240))
    box.apply_translation((0, 0, 100))
    return Mesh(box.vertices, box.faces)


@pytest.mark.parametrize("side", [Side.LEFT, Side.RIGHT])
def test_a_line_is_drawn_where_its_landmarks_are(side: Side) -> None:
    picture = leg_picture(FRONT, {Bone.FEMUR: femur(side)}, {Bone.FEMUR: bar()}, side)
    assert picture is not None
    (line,) = picture.lines
    assert line.title == "mechanical axis of the femur"
    # The bar reaches 20 mm beyond the head's centre and the notch, and the margin follows.
    top = (20 + MARGIN_MM) / picture.mm_per_pixel
    assert line.start == pytest.approx((picture.width / 2, top), abs=1)
    assert line.end == pytest.approx((picture.width / 2, picture.height - top), abs=1)
    drawn = np.asarray(Image.open(BytesIO(base64.b64decode(picture.png))))
    assert drawn.shape == (picture.height, picture.width, 4)
    assert drawn[picture.height // 2, picture.width // 2, 3] == 255
    assert drawn[0, 0, 3] == 0


def test_from_below_the_front_is_up_and_the_patients_left_is_right() -> None:
    for side in Side:
        picture = leg_picture(FEMUR_BELOW, {Bone.FEMUR: femur(side)}, {Bone.FEMUR: bar()}, side)
        assert picture is not None
        line = next(one for one in picture.lines if one.title == "posterior condylar line")
        assert line.start[1] == line.end[1] > picture.height / 2
        lateral_is_right = line.end[0] > line.start[0]
        assert lateral_is_right == (side is Side.LEFT)


def test_a_leg_without_directions_has_no_picture() -> None:
    missing = Found.nothing((ANGLE,), "cut")
    assert leg_picture(FRONT, {Bone.FEMUR: missing}, {Bone.FEMUR: bar()}, Side.LEFT) is None
    assert leg_picture(SIDE, {Bone.FEMUR: femur(Side.LEFT)}, {Bone.FEMUR: bar()}, Side.LEFT) is None


def test_both_sides_stand_side_by_side_and_reasons_where_a_value_is_missing() -> None:
    left = Spread(Found(measures={ANGLE: 12.34, RATIO: 1.005}), {}, {ANGLE: (11.0, 13.0)})
    right = Spread(Found(missing={ANGLE: "the <femur> is cut"}))
    parts = {Part("femur", Side.LEFT): left, Part("femur", Side.RIGHT): right}
    (table,) = tables_of(parts)
    assert table.columns == ("left", "right")
    first, second = table.rows
    assert (first.cells["left"].value, first.cells["left"].interval) == ("12.3°", "11.0 to 13.0")
    assert first.cells["right"].missing == "the <femur> is cut"
    assert second.cells["left"].value in ("1.00", "1.01")
    page = legs_page(parts, {})
    assert "the &lt;femur&gt; is cut" in page
    assert "between this &amp; that" in page
    assert "<svg" not in page
    assert "METAL" not in page
    assert "METAL, BODY_CUT" in legs_page(parts, {}, ("METAL", "BODY_CUT"))


def test_a_page_holds_the_pictures_of_both_legs_and_loads_nothing() -> None:
    parts = {Part("femur", side): Spread(femur(side)) for side in Side}
    page = legs_page(parts, {(Bone.FEMUR, side): bar() for side in Side})
    assert page.count("<svg") == 2 * 2
    assert "http:" not in page
    assert "https:" not in page
    assert "default-src 'none'" in page
