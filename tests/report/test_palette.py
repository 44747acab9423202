"""Colours that stay with a bone."""

from afunet.report.palette import BONES, PALETTE, colour_of


def test_every_bone_has_a_colour_of_its_own_and_no_fragment_has_it() -> None:
    own = {bone: colour_of(bone, 1) for bone in BONES}
    assert len(set(own.values())) == len(BONES)
    fragments = {colour_of(bone, rank) for bone in BONES for rank in range(2, 30)}
    assert not fragments & set(own.values())


def test_neighbouring_fragments_differ() -> None:
    for bone in (*BONES, "unknown"):
        colours = [colour_of(bone, rank) for rank in range(1, 7)]
        assert len(set(colours)) == 6


def test_pieces_of_no_known_bone_take_all_colours_in_turn() -> None:
    assert [colour_of("unknown", rank) for rank in range(1, 13)] == list(PALETTE)
