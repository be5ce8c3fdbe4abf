"""The order of the rooms: a room imports from rooms above it only, as README's table says."""

import ast
import re
from pathlib import Path

import pytest
from conftest import REPOSITORY

PACKAGE = REPOSITORY / "lipkit"
README = (REPOSITORY / "README.md").read_text(encoding="utf-8")


def stated_order() -> list[str]:
    """Rooms and modules at the package's top, in the order of README's table of rooms."""
    section = README.split("## How the code is laid out", 1)[1].split("\n## ", 1)[0]
    rows = re.findall(r"^\| (`.+?) \|", section, flags=re.MULTILINE)
    return [name.rstrip("/") for row in rows for name in re.findall(r"`([a-z_]+/?)`", row)]


def top(module: str) -> str:
    """The room of ``lipkit.room.module``; empty for the package itself."""
    return [*module.split("."), ""][1]


def imports(path: Path) -> set[str]:
    """Rooms of the package that a file imports from, inside functions too."""
    rooms = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            rooms |= {top(name.name) for name in node.names if name.name.startswith("lipkit.")}
        elif isinstance(node, ast.ImportFrom) and node.module == "lipkit":
            rooms |= {name.name for name in node.names if (PACKAGE / name.name).exists()}
            rooms |= {n.name for n in node.names if (PACKAGE / f"{n.name}.py").exists()}
        elif isinstance(node, ast.ImportFrom) and (node.module or "").startswith("lipkit."):
            rooms.add(top(node.module))
    return rooms


def room_of(path: Path) -> str:
    return path.relative_to(PACKAGE).parts[0].removesuffix(".py")


ORDER = stated_order()
FILES = sorted(PACKAGE.rglob("*.py"))


def test_readme_lists_every_room_once():
    here = {room_of(path) for path in FILES} - {"__init__", "__main__"}
    assert sorted(ORDER) == sorted(here)


@pytest.mark.parametrize("room", ORDER)
def test_room_imports_from_rooms_above_it_only(room):
    place = ORDER.index(room)
    below = {
        f"{path.relative_to(PACKAGE)} imports {other}"
        for path in FILES
        if room_of(path) == room
        for other in imports(path) - {room}
        if ORDER.index(other) > place
    }
    assert below == set()


def modules() -> dict[str, set[str]]:
    """Imports of every module at its top level, by module name, inside the package only."""
    names = {}
    for path in FILES:
        parts = path.relative_to(REPOSITORY).with_suffix("").parts
        names[".".join(parts).removesuffix(".__init__")] = path
    found = {}
    for name, path in names.items():
        wanted = set()
        for node in ast.parse(path.read_text(encoding="utf-8")).body:
            if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("lipkit"):
                inner = {f"{node.module}.{n.name}" for n in node.names} & set(names)
                wanted |= inner or {node.module}
            elif isinstance(node, ast.Import):
                wanted |= {n.name for n in node.names} & set(names)
        # A package's own file gathers its modules: that is no circle.
        found[name] = set() if path.name == "__init__.py" else wanted - {name}
    return found


def test_no_module_imports_itself_by_a_detour():
    graph, done = modules(), set()

    def visit(name: str, trail: tuple[str, ...]) -> None:
        assert name not in trail, " -> ".join((*trail, name))
        if name in done:
            return
        for other in sorted(graph.get(name, ())):
            visit(other, (*trail, name))
        done.add(name)

    for name in sorted(graph):
        visit(name, ())
