"""The fact sheet travels with the kit: whatever cites a fact by its number finds it there."""

import re
from pathlib import Path

import nbformat
import pytest

ROOT = Path(__file__).resolve().parents[1]
SHEET = ROOT / "notebooks" / "facts.md"
SOURCES = sorted(
    path
    for folder in ("lipkit", "data_scripts", "tests")
    for path in (ROOT / folder).rglob("*")
    if path.suffix in {".py", ".toml"} and path != Path(__file__)
)
PAGES = [ROOT / "README.md", *sorted((ROOT / "notebooks").rglob("*.md"))]
NOTEBOOKS = sorted((ROOT / "notebooks").rglob("*.ipynb"))

NAMED = re.compile(r"\bfact[ -]?sheets?\b", re.I)
NUMBER = r"\d+(?:\.\d+)*"
CITED = re.compile(
    rf"\bfact sheet(?:,? sections?)? ({NUMBER}(?: \([^)]*\))?"
    rf"(?:(?:, | and |, and | to ){NUMBER}(?: \([^)]*\))?)*)",
    re.I,
)
"""A citation, once lines and comment marks are taken away: "fact sheet 1.2 (windows), 4 and 5"."""
LINK = re.compile(r"\]\((?:\.\./|notebooks/)?facts\.md(#[^)]*)?\)")
BARE = re.compile(r"\((?:see )?sections? \d|\bsections? \d+\.\d")
"""A section without saying of what: in a docstring nobody can look it up."""


def anchors() -> list[str]:
    return re.findall(r'<a id="fact-([\d.]+)"></a>', SHEET.read_text(encoding="utf-8"))


def prose(text: str) -> str:
    """Source text with line breaks, and the comment marks behind them, made single spaces."""
    return re.sub(r"\s*\n\s*(?:# ?)?|[ \t]+", " ", text)


def citations(text: str) -> list[str]:
    found = CITED.findall(prose(text))
    return [number for run in found for number in re.findall(NUMBER, re.sub(r"\(.*?\)", "", run))]


def sources() -> dict[Path, str]:
    return {path: path.read_text(encoding="utf-8") for path in SOURCES}


def cells() -> dict[Path, list[str]]:
    return {path: [c.source for c in nbformat.read(path, 4).cells] for path in NOTEBOOKS}


def test_each_number_has_one_anchor_and_sections_come_in_order():
    found = [tuple(map(int, number.split("."))) for number in anchors()]
    assert found == sorted(set(found))
    assert [number[0] for number in found if len(number) == 1] == list(range(15))


def test_a_fact_stands_in_the_section_of_its_number():
    known = set(anchors())
    for number in known:
        assert "." not in number or number.rpartition(".")[0] in known, number


def test_links_within_the_sheet_lead_somewhere():
    text = SHEET.read_text(encoding="utf-8")
    linked = re.findall(r"\]\(#fact-([\d.]+)\)", text)
    assert len(linked) >= 30
    assert set(linked) <= set(anchors())
    files = re.findall(r"\]\((?!\w+:|#)([^)#]+)", text)
    assert files
    for file in files:
        assert (SHEET.parent / file).exists(), file


@pytest.mark.parametrize(
    ("text", "numbers"),
    [
        ("(fact sheet 2.2).", ["2.2"]),
        ("their comparison (fact sheet\n    9.1): the", ["9.1"]),
        ("# as the sheet says: fact\n# sheet section 3 and 4).", ["3", "4"]),
        ("Fact sheet sections 3, 5, 6 and 7.", ["3", "5", "6", "7"]),
        (
            "Fact sheet 1.2 (windows), 1.3 (identity image 2), 4 and 5 (sound).",
            ["1.2", "1.3", "4", "5"],
        ),
        ("fact sheet 8, 64 frames", ["8", "64"]),
        ("the fact sheet has it", []),
    ],
)
def test_a_citation_is_read_as_it_is_written(text, numbers):
    assert citations(text) == numbers


def test_every_citation_in_the_code_is_a_fact():
    known, found = set(anchors()), 0
    for path, text in sources().items():
        cited = citations(text)
        assert set(cited) <= known, (path, set(cited) - known)
        # Each time the sheet is named, it is cited by number.
        assert len(NAMED.findall(prose(text))) == len(CITED.findall(prose(text))), path
        found += len(cited)
    assert found >= 80


def test_no_section_is_cited_without_saying_of_what():
    for path in SOURCES:
        if path.is_relative_to(ROOT / "lipkit"):
            assert BARE.search(prose(path.read_text(encoding="utf-8"))) is None, path


def test_notebooks_and_pages_link_what_they_cite():
    texts = {path: path.read_text(encoding="utf-8") for path in PAGES if path != SHEET}
    texts |= {path: "\n".join(sources) for path, sources in cells().items()}
    sheet, found = SHEET.read_text(encoding="utf-8"), 0
    for path, text in texts.items():
        named, links = NAMED.findall(text), LINK.findall(text)
        assert len(named) <= len(links), path
        for anchor in filter(None, links):
            linked = anchor.removeprefix("#fact-")
            assert linked in anchors() or f'<a id="{anchor[1:]}"></a>' in sheet, (path, anchor)
        for target in re.findall(r"\]\(([^)#]*facts\.md)", text):
            assert (path.parent / target).resolve() == SHEET, (path, target)
        found += len(links)
    assert found >= 15
