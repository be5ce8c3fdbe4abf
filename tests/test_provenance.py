"""What a result was made by: derived from imports, so that nothing stale is kept."""

import ast
import inspect
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from lipkit import provenance
from lipkit.course import demo
from lipkit.course.runner import made_by_notebook
from lipkit.provenance import PACKAGE, code_of, file_digest, made_by, modules_in, needed

SOURCES = {
    "__init__.py": "",
    "metric.py": "from pkg.parts import shape\n\n\ndef score():\n    from pkg import late\n",
    "late.py": "import pkg.deep.end\n",
    "deep/__init__.py": "from pkg import plots\n",
    "deep/end.py": "VALUE = 1\n",
    "parts/__init__.py": "from pkg.parts.one import shape\nfrom pkg.parts.two import other\n",
    "parts/one.py": "def shape():\n    return 1\n",
    "parts/two.py": "other = 1\n",
    "plots.py": "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    import pkg.metric\n",
    "lazy/__init__.py": "def __getattr__(name):\n    ...\n",
    "lazy/made.py": "",
    "starter.py": "WORDS = ['-m', 'pkg.plots']\n",
}


@pytest.fixture
def package(tmp_path) -> Path:
    folder = tmp_path / "pkg"
    for name, text in SOURCES.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text)
    return folder


def names(*modules: str, package: Path, **options) -> set[str]:
    return {name.removeprefix("pkg.") for name in needed(*modules, package=package, **options)}


def test_imports_are_followed_through_functions_and_packages_that_pass_names_on(package):
    assert names("pkg.metric", package=package) == {"metric", "parts.one", "late", "deep.end"}
    assert names("pkg.plots", package=package) == {"plots"}
    assert names("pkg.lazy", package=package) == {"lazy", "lazy.made"}
    assert names("pkg.starter", package=package) == {"starter", "plots"}
    found = names("pkg.metric", package=package, apart_from=("pkg.late",))
    assert found == {"metric", "parts.one"}
    with pytest.raises(ValueError, match=r"pkg\.absent"):
        needed("pkg.absent", package=package)


def fresh(package: Path) -> str:
    """The digest as a new process sees it."""
    for cached in (provenance._modules, provenance._tree, provenance._code, provenance._imports):
        cached.cache_clear()
    code_of.cache_clear()
    made_by.cache_clear()
    return made_by("pkg.metric", package=package)


@pytest.mark.parametrize("file", ["metric.py", "late.py", "deep/end.py", "parts/one.py"])
def test_another_line_in_what_is_needed_is_another_result(package, file):
    before = fresh(package)
    (package / file).write_text(SOURCES[file] + "MORE = 1\n")
    assert fresh(package) != before


@pytest.mark.parametrize("file", ["plots.py", "parts/two.py", "deep/__init__.py", "__init__.py"])
def test_what_is_not_needed_changes_nothing(package, file):
    before = fresh(package)
    (package / file).write_text(SOURCES[file] + "MORE = 1\n")
    assert fresh(package) == before


def test_a_docstring_a_comment_and_layout_change_nothing(package):
    before = fresh(package)
    text = '"""Words."""\n\nVALUE =  1  # why\n"""More words."""\n'
    (package / "deep/end.py").write_text(text)
    assert fresh(package) == before


def test_data_files_count_where_they_lie_beside_what_is_needed(package):
    before, code = fresh(package), code_of("pkg.metric", package=package)
    (package / "deep" / "table.toml").write_text("a = 1")
    one = fresh(package)
    assert one != before
    (package / "deep" / "table.toml").write_text("a = 2")
    assert fresh(package) not in (one, before)
    assert code_of("pkg.metric", package=package) == code
    (package / "lazy" / "other.toml").write_text("a = 1")
    assert fresh(package) != before


def test_a_file_is_known_by_its_content_not_its_date(tmp_path):
    one, two = tmp_path / "one", tmp_path / "two"
    one.write_bytes(b"a")
    before = file_digest(one)
    shutil.copy(one, two)
    assert file_digest(two) == before
    one.write_bytes(b"b")
    assert file_digest(one) != before


def test_code_that_does_not_parse_may_need_anything(package):
    assert modules_in("from pkg.parts import other", package) == ("pkg.parts.two",)
    assert len(modules_in("%matplotlib inline", package)) == len(SOURCES)


# The package itself


@pytest.fixture(scope="module")
def shipped_copy(tmp_path_factory) -> Path:
    """The package, to be changed."""
    return shutil.copytree(PACKAGE, tmp_path_factory.mktemp("copy") / "lipkit")


def test_training_needs_no_figure_and_a_metric_no_other():
    training = needed("lipkit.training")
    assert not [name for name in training if ".plots" in name or ".course" in name]
    lmd = needed("lipkit.metrics.lmd")
    assert "lipkit.metrics.lmd" in lmd
    assert "lipkit.metrics.cpbd" not in lmd


def test_no_figure_decides_what_the_demo_trains():
    before = provenance.made_by_function(demo._train)
    assert before == provenance.made_by_function(demo._train)
    modules = modules_in(inspect.getsource(demo._train))
    assert modules == ("lipkit.training.generator_run",)
    assert not [name for name in needed(*modules) if name.startswith("lipkit.plots")]


@pytest.mark.parametrize(
    ("file", "modules"),
    [
        ("weights/shipped/plus.safetensors", ("lipkit.generation",)),
        ("weights/shipped/sync.safetensors", ("lipkit.metrics.sync.score",)),
        ("experiments/tables.toml", ("lipkit.experiments.stored",)),
    ],
)
def test_other_weights_and_tables_are_another_result(shipped_copy, file, modules):
    made_by.cache_clear()
    before = made_by(*modules, package=shipped_copy)
    with (shipped_copy / file).open("ab") as data:
        data.write(b" ")
    made_by.cache_clear()
    assert made_by(*modules, package=shipped_copy) != before


def test_a_stage_of_the_demo_is_told_apart_from_its_neighbours(monkeypatch):
    keys = {f.__name__: provenance.made_by_function(f) for f in (demo._prepare, demo._train)}
    monkeypatch.setattr(provenance, "_tree", lambda path: _renamed(path, "_train"))
    made_by.cache_clear()
    assert provenance.made_by_function(demo._prepare) == keys["_prepare"]
    assert provenance.made_by_function(demo._train) != keys["_train"]


def test_every_constant_that_a_stage_names_decides_it(tmp_path, monkeypatch):
    before, read = provenance.made_by_function(demo._make_corpus), provenance._tree
    old = "SPEAKERS, CLIPS = 3, 14"
    text = Path(demo.__file__).read_text()
    assert old in text
    for number, new in enumerate((old, "SPEAKERS, CLIPS = 3, 15", "SPEAKERS: int = 4\nCLIPS = 14")):
        edited = tmp_path / str(number) / "demo.py"
        edited.parent.mkdir()
        edited.write_text(text.replace(old, new))

        def told(path, edited=edited):
            return read(edited if path.name == "demo.py" else path)

        monkeypatch.setattr(provenance, "_tree", told)
        assert (provenance.made_by_function(demo._make_corpus) == before) == (new == old)


def _renamed(path: Path, name: str):
    """The module's tree, in which one function does something else."""
    text = path.read_text().replace(f"def {name}(", f"def {name}(added=1, *, ", 1)
    return ast.parse(text)


def test_a_notebook_is_made_anew_for_other_stored_results(tmp_path, monkeypatch):
    import nbformat
    from nbformat import v4

    from lipkit.course import runner

    results = tmp_path / "results"
    results.mkdir()
    (results / "results.csv").write_text("1")
    monkeypatch.setattr(runner, "RESULTS", results)
    keys = {}
    for name, code in (
        ("reads", "from lipkit.experiments.stored import read_results"),
        ("does not", "from lipkit.metrics.psnr import psnr"),
    ):
        path = tmp_path / f"{name}.ipynb"
        parameters = v4.new_code_cell("seed: int = 0  # seed", metadata={"tags": ["parameters"]})
        nbformat.write(v4.new_notebook(cells=[parameters, v4.new_code_cell(code)]), path)
        keys[path] = made_by_notebook(path, {})
    (results / "results.csv").write_text("22")
    reads, does_not = keys
    assert made_by_notebook(reads, {}) != keys[reads]
    assert made_by_notebook(does_not, {}) == keys[does_not]


IN_THREADS = """
import gc, sys, threading
from lipkit.provenance import parsed

gc.set_threshold(5)
sys.setswitchinterval(1e-6)


class Node:
    def __init__(self):
        self.itself = self

    def __del__(self):
        sum(range(50))


def work():
    for _ in range(20):
        [Node() for _ in range(20)]
        try:
            parsed(CODE)
        except SystemError as fault:
            faults.append(fault)


faults = []
LINE = "x = (a[1] + f(2, b=[1, {3: 4}])) if y else lambda z: z"
CODE = "; ".join([LINE] * 60)
threads = [threading.Thread(target=work) for _ in range(6)]
for thread in threads:
    thread.start()
for thread in threads:
    thread.join()
print(len(faults))
"""


def test_threads_may_parse_at_the_same_time():
    done = subprocess.run(
        [sys.executable, "-c", IN_THREADS], capture_output=True, text=True, check=True
    )
    assert done.stdout == "0\n"
