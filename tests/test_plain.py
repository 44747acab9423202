"""One converter from tables to dataclasses: strict, and one line for what is wrong."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

import pytest

from afunet.errors import ConfigError
from afunet.plain import from_plain


class Colour(StrEnum):
    RED = "red"
    BLUE = "blue"


@dataclass(frozen=True)
class Inner:
    share: float
    words: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if self.share < 0:
            raise ConfigError(f"share must not be negative, got {self.share}")


@dataclass(frozen=True)
class Outer:
    name: str
    inner: Inner = field(default_factory=lambda: Inner(0.5))
    pair: tuple[int, float] = (1, 2.0)
    many: tuple[Inner, ...] = ()
    colour: Colour = Colour.RED
    size: int | str = 3
    flag: bool = False
    rest: Mapping[str, Any] = field(default_factory=dict)
    maybe: Inner | None = None


def test_tables_lists_and_words_become_what_the_fields_say() -> None:
    raw = {
        "name": "a",
        "inner": {"share": 1, "words": ["x", "y"]},
        "pair": [3, 4],
        "many": [{"share": 0.25}, {"share": 0.75}],
        "colour": "blue",
        "size": "all",
        "flag": True,
        "rest": {"any": [1, {"thing": None}]},
        "maybe": None,
    }
    found = from_plain(Outer, raw, "it")
    assert found == Outer(
        "a",
        Inner(1, ("x", "y")),
        (3, 4),
        (Inner(0.25), Inner(0.75)),
        Colour.BLUE,
        "all",
        True,
        {"any": [1, {"thing": None}]},
    )
    assert type(found.inner.share) is int  # as it came


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"name": 3}, "it: name must be str, got 3"),
        ({"flag": 1}, "it: flag must be bool, got 1"),
        ({"size": True}, "it: size must be int or str, got True"),
        ({"size": 1.5}, "it: size must be int or str, got 1.5"),
        ({"pair": [1]}, "it: pair must be a list of 2, got [1]"),
        ({"pair": [1.5, 1]}, "it: pair must be int, got 1.5"),
        ({"pair": "ab"}, "it: pair must be a list of 2, got 'ab'"),
        ({"inner": {"share": 1, "words": "ab"}}, "it: inner.words must be a list, got 'ab'"),
        ({"inner": {"share": "1"}}, "it: inner.share must be float, got '1'"),
        ({"inner": {}}, "it: inner needs share"),
        ({"inner": 5}, "it: inner must be a table, got 5"),
        ({"inner": {"share": -1}}, "share must not be negative, got -1"),
        ({"many": [{"share": True}]}, "it: many.share must be float, got True"),
        ({"rest": []}, "it: rest must be a table, got []"),
        ({"colour": "green"}, "it: colour must be one of red, blue, got 'green'"),
    ],
)
def test_what_does_not_fit_is_one_line_with_the_way_to_it(
    change: dict[str, Any], words: str
) -> None:
    with pytest.raises(ConfigError) as refused:
        from_plain(Outer, {"name": "a", **change}, "it")
    assert str(refused.value) == words


def test_unknown_missing_and_no_tables_at_all() -> None:
    for raw, words in (
        ({"name": "a", "nmae": 1}, "it has unknown keys ['nmae']; known are ['name', 'inner'"),
        ({}, "it needs name"),
        (["name"], "it must be a table, got ['name']"),
    ):
        with pytest.raises(ConfigError) as refused:
            from_plain(Outer, raw, "it")
        assert str(refused.value).startswith(words)
