"""The files of the page, without a browser."""

from __future__ import annotations

import re

from tests.server.conftest import ROOT

from afunet.anatomy.bones import Bone

STATIC = ROOT / "src/afunet/server/static"


def test_the_page_suggests_every_name_that_a_piece_may_have() -> None:
    text = (STATIC / "case/bones.js").read_text()
    names = set(re.findall(r'"([a-z]+)"', text))
    assert names == {bone.value for bone in Bone}
    assert {bone.value for bone in Bone if bone.row.sided} == set(
        re.findall(r'"([a-z]+)"', text.partition("SIDED = [")[2].partition("]")[0])
    )


def test_nothing_of_the_page_makes_html_of_text_or_reaches_for_the_network() -> None:
    own = [path for path in STATIC.rglob("*.*") if "vendor" not in path.parts]
    assert len(own) > 20
    for path in own:
        text = path.read_text()
        assert not re.search(r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|eval\(", text)
        addresses = set(re.findall(r"https?://[^\"' ]+", text))
        assert addresses <= {"http://www.w3.org/2000/svg"}, path.name
    assert "Copyright (c) 2021, Niivue" in (STATIC / "vendor/LICENSES.txt").read_text()
