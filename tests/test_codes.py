"""Codes are for programs: each that the package gives is documented, and each documented is given.

And tests ask for codes, numbers and names, so that a word can be mended without breaking one.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import afunet.errors

ROOT = Path(__file__).parents[1]
PACKAGE, DOCS, TESTS = ROOT / "src" / "afunet", ROOT / "docs", ROOT / "tests"
CODE = re.compile(r"[A-Z][A-Z0-9]*(?:_[A-Z0-9]+)*")
GIVES = {"info", "warning", "repaired", "error", "Finding", "Flag"}  # a finding's code comes first
KINDS = {name for name, kind in vars(afunet.errors).items() if isinstance(kind, type)}
KINDS |= {"NothingUsable"}
# Of the operating system, and of what is refused by its kind alone.
OTHERS = {"EACCES", "EROFS", "ENAMETOOLONG", "CONFIG_ERROR", "OUTPUT_ERROR", "INPUT_ERROR"}


def parsed(folder: Path) -> Iterator[tuple[Path, ast.Module]]:
    for path in sorted(folder.rglob("*.py")):
        yield path, ast.parse(path.read_text(encoding="utf-8"))


def constants(node: ast.AST) -> set[str]:
    """The texts in it that look like a code."""
    texts = (one.value for one in ast.walk(node) if isinstance(one, ast.Constant))
    return {text for text in texts if isinstance(text, str) and CODE.fullmatch(text)}


def name_of(call: ast.Call) -> str:
    return getattr(call.func, "id", getattr(call.func, "attr", ""))


def given() -> set[str]:
    """The codes of all refusals and findings that the package names where it makes them."""
    codes: set[str] = set()
    for _, module in parsed(PACKAGE):
        for call in (node for node in ast.walk(module) if isinstance(node, ast.Call)):
            named = [word.value for word in call.keywords if word.arg == "code"]
            first = call.args[:1] if name_of(call) in GIVES else []
            codes |= {code for node in (*named, *first) for code in constants(node)}
    return codes


def documented() -> set[str]:
    """What stands in the first column of the tables of codes."""
    codes: set[str] = set()
    for page in DOCS.glob("*.md"):
        for table in re.findall(r"^\| code \|.*\n(?:\|.*\n)+", page.read_text(), re.MULTILINE):
            for row in table.splitlines()[2:]:
                codes |= set(re.findall(r"`([A-Z][A-Z0-9_]+)`", row.split("|")[1]))
    return codes


def test_every_code_that_is_given_is_documented() -> None:
    assert given() - documented() - OTHERS == set()


def test_every_code_that_is_documented_is_given() -> None:
    written = {code for _, module in parsed(PACKAGE) for code in constants(module)}
    assert documented() - written - OTHERS == set()


def test_no_test_matches_the_english_of_a_refusal() -> None:
    """`tests.refusals.refused` asks for the code and for what came from the input."""
    matched = [
        f"{path.relative_to(ROOT)}:{call.lineno}"
        for path, module in parsed(TESTS)
        for call in ast.walk(module)
        if isinstance(call, ast.Call) and name_of(call) == "raises"
        if any(word.arg == "match" for word in call.keywords)
        if {getattr(kind, "id", "") for kind in ast.walk(call.args[0])} & KINDS
    ]
    assert matched == []


SAID = {"message", "action", "reason", "refusal", "words", "err", "stderr", "value"}
SENTENCE = re.compile(r"\b[a-z]{2,} [a-z]{2,} [a-z]{2,}")


def test_no_test_compares_what_is_said_with_a_sentence() -> None:
    """Of a message, a refusal or the error stream a test asks for numbers and names."""
    compared = [
        f"{path.relative_to(ROOT)}:{node.lineno}"
        for path, module in parsed(TESTS)
        for node in ast.walk(module)
        if isinstance(node, ast.Assert)
        if {part.attr for part in ast.walk(node.test) if isinstance(part, ast.Attribute)} & SAID
        if any(
            isinstance(part, ast.Constant) and SENTENCE.search(str(part.value))
            for part in ast.walk(node.test)
        )
    ]
    assert compared == []
