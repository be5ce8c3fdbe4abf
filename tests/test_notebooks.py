"""Every stored notebook keeps the course's rules (nbval runs them; this reads them)."""

import re
from pathlib import Path

import nbformat
import pytest
from nbformat import v4

from lipkit.course.install_cell import is_install_cell
from lipkit.course.notebooks import (
    MAX_BYTES,
    MAX_LINES,
    find_notebook,
    main,
    problems,
    read_notebook,
    read_parameters,
)

ALL = sorted((Path(__file__).resolve().parents[1] / "notebooks").glob("[0-9]*.ipynb"))


@pytest.mark.parametrize("path", ALL, ids=lambda path: path.stem)
def test_stored_notebook_keeps_the_rules(path):
    assert problems(path) == []


@pytest.mark.parametrize("path", ALL, ids=lambda path: path.stem)
def test_every_parameter_says_what_it_is(path):
    parameters = read_parameters(path)
    assert "preset" in parameters
    for parameter in parameters.values():
        assert parameter.help, f"{parameter.name} has no help"


def prose(notebook) -> list[str]:
    """The words that lead from cell to cell: no tables, formulas, exercises, references."""
    text = "\n\n".join(cell.source for cell in notebook.cells if cell.cell_type == "markdown")
    text = text.split("\n## Exercises")[0]
    text = re.sub(r"\$\$.*?\$\$|```.*?```", "", text, flags=re.DOTALL)
    text = re.sub(r"^(\||←).*$|<[^>]+>", "", text, flags=re.MULTILINE)
    text = re.sub(r"\]\([^)]*\)", "]", re.sub(r"\$[^$]*\$", "x", text))
    return [word for word in text.split() if re.search(r"\w", word)]


def lines_of_code(notebook) -> int:
    cells = [cell for cell in notebook.cells if cell.cell_type == "code"]
    lines = [
        line.strip()
        for cell in cells
        if not is_install_cell(cell)
        for line in cell.source.splitlines()
    ]
    return sum(bool(line) and not line.startswith("#") for line in lines)


def test_prose_and_code_are_counted():
    text = "# One two\n\n← [back](x.ipynb) |\n\n| a | b |\n\n$$x = 1$$\n\nIf $a$ is three. – \n"
    cells = [
        v4.new_markdown_cell(f"{text}\n## Exercises\n\nFour."),
        v4.new_code_cell("# why\n\nx = 1\nx"),
    ]
    notebook = v4.new_notebook(cells=cells)
    assert prose(notebook) == ["One", "two", "If", "x", "is", "three."]
    assert lines_of_code(notebook) == 2


@pytest.mark.parametrize("path", ALL, ids=lambda path: path.stem)
def test_code_says_as_much_as_prose(path):
    """Six to nine words per line: fewer leave a reader alone, more are a lecture."""
    notebook = read_notebook(path)
    words, lines = len(prose(notebook)), lines_of_code(notebook)
    assert 6 <= round(words / lines, 1) <= 9, f"{words} words, {lines} lines"


def test_notebooks_are_numbered_without_gaps():
    assert [path.stem[:3] for path in ALL] == [f"{number:02d}_" for number in range(len(ALL))]


def stored(tmp_path, change=None) -> Path:
    """A small notebook that keeps all rules, but for what ``change`` does to it."""
    tagged = v4.new_code_cell('preset: str = "tiny"  # sizes', metadata={"tags": ["parameters"]})
    printing = v4.new_code_cell("print(1)", outputs=[v4.new_output("stream", text="1\n")])
    notebook = v4.new_notebook(cells=[v4.new_markdown_cell("# One"), tagged, printing])
    notebook.metadata["kernelspec"] = {"name": "python3", "display_name": "Python 3"}
    tagged.execution_count, printing.execution_count = 1, 2
    if change is not None:
        change(notebook)
    path = tmp_path / "00_one.ipynb"
    nbformat.write(notebook, path)
    return path


def test_a_good_notebook_has_no_problems(tmp_path):
    assert problems(stored(tmp_path)) == []


def _set(cell: int, **fields):
    return lambda notebook: notebook.cells[cell].update(fields)


def _text(text: str):
    return _set(2, outputs=[v4.new_output("stream", text=text)])


BREACHES = {
    "without outputs": _set(2, outputs=[]),
    "not run once each": _set(2, execution_count=None),
    "from top to bottom": _set(2, execution_count=7),
    "0 cells are tagged": _set(1, metadata={}),
    "2 cells are tagged": _set(2, metadata={"tags": ["parameters"]}),
    "widget state": lambda notebook: notebook.metadata.update(widgets={"x": {}}),
    "kernelspec": lambda notebook: notebook.metadata["kernelspec"].update(name="lipkit"),
    f"{MAX_LINES + 1} lines": _set(2, source="\n".join(["x = 1"] * (MAX_LINES + 1))),
    "stores an error": _set(
        2, outputs=[v4.new_output("error", ename="E", evalue="", traceback=[])]
    ),
    "must stay under 300 KB": _text("x" * MAX_BYTES),
    "absolute path: /home/ada": _text("wrote /home/ada/runs/x.mp4"),
    "absolute path: /tmp/x": _set(2, source="open('/tmp/x')"),
    r"absolute path: C:\Users": _text(r"C:\Users\ada"),
    "must be a whole number": _set(1, source="seed: int = 0.5  # seed"),
    "must read 'name: type = literal  # help'": _set(1, source="seed: int = 1 + 1  # seed"),
}


@pytest.mark.parametrize("words", BREACHES)
def test_a_breach_is_found(tmp_path, words):
    found = problems(stored(tmp_path, BREACHES[words]))
    assert any(words in problem for problem in found), found


@pytest.mark.parametrize(
    "text",
    [
        "read and/or write s1/video/bbaf2n.mpg",
        "https://zenodo.org/home/records/3625687",
        '<img src="data:image/png;base64,AAAA/tmp/AAAA/home/x/AAAA=">',
        "runs/var/usr/x",
    ],
)
def test_what_only_looks_like_an_absolute_path_passes(tmp_path, text):
    assert problems(stored(tmp_path, _text(text))) == []


def test_finding(tmp_path):
    for stem in ("01_data", "02_audio", "02_lips"):
        (tmp_path / f"{stem}.ipynb").write_text("{}")
    assert find_notebook("01", tmp_path).stem == "01_data"
    assert find_notebook("02_l", tmp_path).stem == "02_lips"
    assert find_notebook("02_audio", tmp_path).stem == "02_audio"
    assert find_notebook("02_audio.ipynb", tmp_path).stem == "02_audio"
    assert find_notebook(tmp_path / "01_data.ipynb") == tmp_path / "01_data.ipynb"


def test_a_commit_is_checked_file_by_file(tmp_path, capsys):
    good = stored(tmp_path)
    assert main([str(good)]) == 0
    assert capsys.readouterr().err == ""
    bad = stored(tmp_path, _set(2, outputs=[])).rename(tmp_path / "01_bad.ipynb")
    absent = tmp_path / "02_absent.ipynb"
    assert main([str(bad), str(absent), str(stored(tmp_path))]) == 1
    first, second = capsys.readouterr().err.splitlines()
    assert first == f"{bad}: is stored without outputs"
    assert second.startswith(f"{absent}: not a readable notebook")
