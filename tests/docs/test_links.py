"""Every link of the documentation leads somewhere: files, pictures and headings."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PAGES = sorted([*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md"), *ROOT.glob("experiments/*.md")])
FENCE = re.compile(r"^```.*?^```", re.MULTILINE | re.DOTALL)
LINK = re.compile(r"\]\(([^()\s]+)\)")
HEADING = re.compile(r"^#+ +(.+?) *$", re.MULTILINE)


def prose(page: Path) -> str:
    """A page without its blocks of code and its code in lines."""
    return re.sub(r"`[^`\n]*`", "", FENCE.sub("", page.read_text(encoding="utf-8")))


def anchors(page: Path) -> set[str]:
    """What the headings of a page are called in links, as GitHub does it."""
    headings = HEADING.findall(FENCE.sub("", page.read_text(encoding="utf-8")))
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


def broken(page: Path) -> list[str]:
    """The links of a page that lead nowhere; those into the web are not followed."""
    return [
        link
        for link in LINK.findall(prose(page))
        if not re.match(r"https?:|mailto:", link) and not leads_somewhere(page, link)
    ]


def leads_somewhere(page: Path, link: str) -> bool:
    """Whether a file or folder is there, and a heading where the link names one."""
    path, _, anchor = link.partition("#")
    target = (page.parent / path).resolve() if path else page
    if not target.exists() or not target.is_relative_to(ROOT):
        return False
    return not anchor or anchor in anchors(target)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_every_link_leads_somewhere(page: Path) -> None:
    assert broken(page) == []


def test_every_page_and_picture_is_linked() -> None:
    """From the index or from a page that is: what nobody can reach is not documentation."""
    reached, coming = set[Path](), [ROOT / "README.md", ROOT / "docs" / "index.md"]
    while coming:
        page = coming.pop()
        if page in reached:
            continue
        reached.add(page)
        if page.suffix == ".md":
            for link in LINK.findall(prose(page)):
                target = (page.parent / link.partition("#")[0]).resolve()
                coming += sorted(target.glob("*.md")) if target.is_dir() else [target]
    documentation = {*ROOT.glob("docs/**/*.md"), *ROOT.glob("docs/images/*")}
    assert {str(path.relative_to(ROOT)) for path in documentation - reached} == set()


@pytest.mark.parametrize(
    "link", ["nowhere.md", "there.md#no-such-heading", "../../../etc/passwd", "picture.png"]
)
def test_a_link_that_leads_nowhere_is_found(
    link: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(globals(), "ROOT", tmp_path)
    (tmp_path / "there.md").write_text("# A heading: **two** `words`\n")
    page = tmp_path / "page.md"
    page.write_text(f"[x]({link}) [y](there.md#a-heading-two-words)\n```\n[z](no.md)\n```\n")
    assert broken(page) == [link]
