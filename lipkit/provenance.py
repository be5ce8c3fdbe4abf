"""What a result was made by: the modules that it needs, the files beside them, the environment.

A result is kept as long as nothing that could change it has changed. What could is derived from
the imports: :func:`code_of` is a digest of the code of some modules and of all modules of the
package that they import, directly or not, inside functions too. Docstrings and comments do not
count. :func:`made_by` adds the files that lie beside those modules, such as tables and weights.
"""

import ast
import functools
import hashlib
import importlib.metadata
import inspect
import os
import platform
import shutil
import subprocess
import threading
from collections.abc import Callable, Collection, Iterator
from pathlib import Path
from typing import Any

from packaging.requirements import Requirement

PACKAGE = Path(__file__).parent
_PARSING = threading.Lock()


def digest(*parts: str) -> str:
    """SHA-256 of several texts; where one ends and the next begins counts.

    >>> digest("ab", "c") == digest("a", "bc")
    False
    """
    total = hashlib.sha256()
    for part in parts:
        total.update(f"{len(part)}:{part}".encode())
    return total.hexdigest()


def file_digest(path: str | os.PathLike) -> str:
    """SHA-256 of a file's content; read once per process while size and date stay the same."""
    status = os.stat(path)
    return _content(os.fspath(path), status.st_size, status.st_mtime_ns)


@functools.lru_cache(maxsize=4096)
def _content(path: str, size: int, changed: int) -> str:
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


@functools.cache
def code_of(*modules: str, apart_from: tuple[str, ...] = (), package: Path = PACKAGE) -> str:
    """A digest of what modules compute: their code, and that of all they import from the package.

    Parameters
    ----------
    modules
        Such as ``lipkit.metrics.lmd``.
    apart_from
        Modules whose imports do not count, and neither do they: catalogues, which name many parts
        of which one is used.
    package
        The package's folder.

    Raises
    ------
    ValueError
        When one of the names is not a module of the package.

    >>> one, other = code_of("lipkit.metrics.lmd"), code_of("lipkit.metrics.psnr")
    >>> len(one), one == other
    (64, False)
    """
    files = needed(*modules, apart_from=apart_from, package=package)
    return digest(*(part for name in sorted(files) for part in (name, _code(files[name]))))


def needed(
    *modules: str, apart_from: Collection[str] = (), package: Path = PACKAGE
) -> dict[str, Path]:
    """The files of modules and of all that they import from the package, by module name.

    Parameters and errors are those of :func:`code_of`.
    """
    known = _modules(package)
    if strange := [name for name in modules if name not in known]:
        raise ValueError(f"{strange[0]}: is not a module of {package}")
    found: dict[str, Path] = {}
    waiting = list(modules)
    while waiting:
        name = waiting.pop()
        if name not in found and name not in apart_from:
            found[name] = known[name]
            waiting += _imports(known[name], package)
    return found


@functools.cache
def made_by(*modules: str, package: Path = PACKAGE) -> str:
    """:func:`code_of`, and the content of every data file beside one of the modules."""
    folders = {path.parent for path in needed(*modules, package=package).values()}
    beside = [
        path
        for folder in sorted(folders)
        for path in sorted(folder.iterdir())
        if path.is_file() and path.suffix not in (".py", ".pyc")
    ]
    told = [part for path in beside for part in (path.name, file_digest(path))]
    return digest(code_of(*modules, package=package), *told)


def made_by_function(function: Callable) -> str:
    """:func:`made_by` for one function of a module: what it names of that module, and no more.

    Parameters
    ----------
    function
        Defined at the top of a module of the package.
    """
    tree = _tree(Path(inspect.getsourcefile(function)))
    bound: dict[str, ast.stmt] = {}
    for node in tree.body:
        bound |= dict.fromkeys(_names_bound(node), node)
    found: dict[str, ast.stmt] = {}
    waiting = [function.__name__]
    while waiting:
        name = waiting.pop()
        if name in bound and name not in found:
            found[name] = bound[name]
            waiting += [n.id for n in ast.walk(bound[name]) if isinstance(n, ast.Name)]
    part = ast.unparse(ast.Module([found[name] for name in sorted(found)], []))
    return digest(part, made_by(*modules_in(part)))


def _names_bound(node: ast.stmt) -> list[str]:
    """What a statement at the top of a module gives a name to."""
    if isinstance(node, ast.Import | ast.ImportFrom):
        return [name.asname or name.name for name in node.names]
    if isinstance(node, ast.Assign | ast.AnnAssign | ast.AugAssign):
        targets = node.targets if isinstance(node, ast.Assign) else [node.target]
        inside = (part for target in targets for part in ast.walk(target))
        return [part.id for part in inside if isinstance(part, ast.Name)]
    return [node.name] if hasattr(node, "name") else []


def modules_in(code: str, package: Path = PACKAGE) -> tuple[str, ...]:
    """The package's modules that a piece of code imports, such as a notebook's cells; sorted.

    Code that does not parse may need anything: then it is the whole package.
    """
    try:
        tree = parsed(code)
    except SyntaxError:
        return tuple(sorted(_modules(package)))
    return tuple(sorted(_imported(tree, _modules(package))))


def parsed(code: str) -> ast.Module:
    """:func:`ast.parse`, which Python 3.11 cannot do in two threads at the same time.

    There it may end in a ``SystemError``, "AST constructor recursion depth mismatch".
    """
    with _PARSING:
        return ast.parse(code)


@functools.cache
def _modules(package: Path) -> dict[str, Path]:
    """Every module of the package by its name; a folder's is its ``__init__``."""
    found = {}
    for path in sorted(package.rglob("*.py")):
        parts = path.relative_to(package.parent).with_suffix("").parts
        found[".".join(parts).removesuffix(".__init__")] = path
    return found


@functools.cache
def _tree(path: Path) -> ast.Module:
    return _stripped(path.read_text(encoding="utf-8"))


@functools.cache
def _code(path: Path) -> str:
    return ast.dump(_tree(path))


def _stripped(code: str) -> ast.Module:
    """Code without comments, layout and docstrings."""
    tree = parsed(code)
    waiting: list[ast.AST] = [tree]
    while waiting:  # statements alone: no expression holds any
        node = waiting.pop()
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
            node.body = [part for part in node.body if not _is_text(part)]
        for name in _BLOCKS:
            waiting += getattr(node, name, ())
    return tree


_BLOCKS = ("body", "orelse", "finalbody", "handlers", "cases")


def _is_text(node: ast.stmt) -> bool:
    return (
        isinstance(node, ast.Expr)
        and isinstance(node.value, ast.Constant)
        and isinstance(node.value.value, str)
    )


@functools.cache
def _imports(path: Path, package: Path) -> frozenset[str]:
    modules = _modules(package)
    found = _imported(_tree(path), modules)
    if path.name == "__init__.py" and _is_lazy(_tree(path)):
        here = next(name for name, known in modules.items() if known == path)
        found |= {name for name in modules if name.startswith(f"{here}.")}
    return frozenset(found)


def _is_lazy(tree: ast.Module) -> bool:
    """Whether a package loads its modules only when asked for them, by names that it composes."""
    return any(isinstance(n, ast.FunctionDef) and n.name == "__getattr__" for n in tree.body)


def _imported(tree: ast.AST, modules: dict[str, Path]) -> set[str]:
    """Modules that a tree imports, or names in a text of its own, as for ``python -m``."""
    found = set()
    for node in _walk(tree):
        if isinstance(node, ast.Import):
            found |= {name.name for name in node.names} & modules.keys()
        elif isinstance(node, ast.ImportFrom) and node.module in modules:
            found |= {_defining(node.module, name.name, modules) for name in node.names}
        elif isinstance(node, ast.Constant) and isinstance(node.value, str):
            found |= {node.value} & modules.keys() if "." in node.value else set()
    return found


def _walk(tree: ast.AST) -> Iterator[ast.AST]:
    """All nodes but those of ``if TYPE_CHECKING``, which are never run."""
    waiting = [tree]
    while waiting:
        for node in ast.iter_child_nodes(waiting.pop()):
            if isinstance(node, ast.If) and getattr(node.test, "id", "") == "TYPE_CHECKING":
                continue
            yield node
            waiting.append(node)


def _defining(module: str, name: str, modules: dict[str, Path]) -> str:
    """The module in which ``from module import name`` ends, through packages that pass it on."""
    if f"{module}.{name}" in modules:
        return f"{module}.{name}"
    if modules[module].name == "__init__.py":
        for node in _tree(modules[module]).body:
            if isinstance(node, ast.ImportFrom) and node.module in modules:
                for passed in node.names:
                    if (passed.asname or passed.name) == name:
                        return _defining(node.module, passed.name, modules)
    return module


@functools.cache
def environment() -> dict[str, Any]:
    """Python, system, cores, GPU, and the version of every package that lipkit requires."""
    versions = {}
    for text in importlib.metadata.requires("lipkit") or []:
        name = Requirement(text).name
        try:
            versions[name] = importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            # An extra that is not installed, or conda's name for the same module.
            continue
    return {
        "lipkit": importlib.metadata.version("lipkit"),
        "python": platform.python_version(),
        "system": platform.platform(),
        "cores": os.cpu_count(),
        "gpu": _gpu(),
        "packages": versions,
    }


def _gpu() -> str:
    """The GPUs' names, asked without loading torch; empty where there is none."""
    if shutil.which("nvidia-smi") is None:
        return ""
    command = ["nvidia-smi", "--query-gpu=name", "--format=csv,noheader"]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=20)
    except (OSError, subprocess.TimeoutExpired):
        return ""
    return ", ".join(done.stdout.split("\n")[:-1]) if done.returncode == 0 else ""
