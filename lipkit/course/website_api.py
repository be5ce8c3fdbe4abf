"""The API's pages: every public class and function with its docstring, read without importing."""

import ast
import html
import re
from collections.abc import Iterator
from pathlib import Path

import lipkit
from lipkit.provenance import parsed

PACKAGE = Path(lipkit.__file__).parent
Definition = ast.FunctionDef | ast.ClassDef


def rooms(package: Path = PACKAGE) -> dict[str, str]:
    """HTML of each room's page by the room's name, in alphabetical order."""
    pages: dict[str, list[str]] = {}
    for path in sorted(package.rglob("*.py")):
        parts = path.relative_to(package).with_suffix("").parts
        if any(part.startswith("_") and part != "__init__" for part in parts):
            continue
        room = parts[0] if len(parts) > 1 or parts[0] != "__init__" else "lipkit"
        name = ".".join(["lipkit", *(part for part in parts if part != "__init__")])
        if text := _module(name, parsed(path.read_text(encoding="utf-8"))):
            pages.setdefault(room, []).append(text)
    return {room: f"<h1>lipkit.{room}</h1>\n" + "\n".join(texts) for room, texts in pages.items()}


def _module(name: str, tree: ast.Module) -> str:
    shown = [_definition(node) for node in _public(tree.body)]
    if not shown and not ast.get_docstring(tree):
        return ""
    head = f'<h2 id="{name}"><code>{name}</code></h2>\n{docstring_html(ast.get_docstring(tree))}'
    return "\n".join([head, *shown])


def _public(body: list[ast.stmt]) -> Iterator[Definition]:
    for node in body:
        if isinstance(node, Definition) and not node.name.startswith("_"):
            yield node


def _definition(node: Definition, owner: str = "") -> str:
    level = "h4" if owner else "h3"
    name = f"{owner}{node.name}"
    parts = [f"<{level}><code>{html.escape(_signature(node, name))}</code></{level}>"]
    parts.append(docstring_html(ast.get_docstring(node)))
    if isinstance(node, ast.ClassDef):
        methods = [m for m in _public(node.body) if isinstance(m, ast.FunctionDef)]
        parts += [_definition(m, f"{node.name}.") for m in methods if ast.get_docstring(m)]
    return "\n".join(parts)


def _signature(node: Definition, name: str) -> str:
    if isinstance(node, ast.ClassDef):
        return f"class {name}"
    returns = f" -> {ast.unparse(node.returns)}" if node.returns else ""
    return f"{name}({ast.unparse(node.args)}){returns}"


def docstring_html(text: str | None) -> str:
    """A docstring as HTML: its lines as they stand, its code and its references marked up."""
    if not text:
        return ""
    text = html.escape(text, quote=False)
    text = re.sub(r"^(\w[\w ,]*)\n-{3,}$", r"<b>\1</b>", text, flags=re.MULTILINE)
    text = re.sub(r":\w+:`~(?:[\w.]+\.)?(\w+)`", r"<code>\1</code>", text)
    text = re.sub(r":\w+:`([^`]+)`", r"<code>\1</code>", text)
    text = re.sub(r"``([^`]+)``", r"<code>\1</code>", text)
    return f'<div class="doc">{text}</div>'
