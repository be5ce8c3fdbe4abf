"""What every page of the web site has: its frame, its looks, its few lines of script."""

import html
from collections.abc import Sequence
from string import Template

NAVIGATION = (
    ("Course", "index.html"),
    ("Facts", "facts.html"),
    ("Results", "results/index.html"),
    ("API", "api/index.html"),
    ("Search", "search.html"),
)


def frame(title: str, body: str, path: str, scripts: Sequence[str] = ()) -> str:
    """A whole page.

    Parameters
    ----------
    title
        Plain text.
    body
        HTML of what is inside ``<main>``.
    path
        Where the page lies in the site, such as ``notebooks/05.html``; links are relative to it.
    scripts
        Paths of more scripts in the site.
    """
    root = "../" * path.count("/")
    links = []
    for name, target in NAVIGATION:
        here = ' aria-current="page"' if target == path else ""
        links.append(f'<li><a href="{root}{target}"{here}>{name}</a></li>')
    return _PAGE.substitute(
        title=html.escape(title),
        root=root,
        links="".join(links),
        body=body,
        scripts="".join(f'<script src="{root}{name}"></script>' for name in scripts),
    )


_PAGE = Template("""\
<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>$title</title>
<link rel="icon" href="data:,">
<link rel="stylesheet" href="${root}site.css">
<script src="${root}site.js"></script>
</head>
<body>
<a class="skip" href="#main">Skip to the text</a>
<header><nav aria-label="Site"><ul>$links</ul></nav>
<button id="theme" type="button" aria-pressed="false">Dark</button></header>
<main id="main" tabindex="-1">
$body
</main>
<footer>Generated video is synthetic: show it as what it is, and use only faces and voices whose
owners consent.</footer>
$scripts
</body>
</html>
""")

STYLE = """\
:root { --page: #fdfcf9; --ink: #22262b; --muted: #565c64; --line: #d8d5cd; --mark: #005a92;
  --box: #f3f1ea; --key: #8a3b00; --text: #23652b; --note: #5b5f66; color-scheme: light; }
:root[data-theme="dark"] { --page: #15181c; --ink: #e4e6e9; --muted: #aab0b8; --line: #3a4048;
  --mark: #7cc4f5; --box: #1e2329; --key: #ffb37a; --text: #9bd6a3; --note: #a8aeb6;
  color-scheme: dark; }
* { box-sizing: border-box; }
body { margin: 0 auto; max-width: 60rem; padding: 0 1.25rem 3rem; color: var(--ink);
  background: var(--page); font: 1rem/1.6 system-ui, "Segoe UI", Roboto, sans-serif; }
header { display: flex; justify-content: space-between; align-items: center; padding: .75rem 0;
  border-bottom: 1px solid var(--line); }
nav ul { display: flex; flex-wrap: wrap; gap: 1.25rem; list-style: none; margin: 0; padding: 0; }
a { color: var(--mark); }
a[aria-current] { font-weight: 700; color: var(--ink); }
:focus-visible { outline: 3px solid var(--mark); outline-offset: 2px; }
main:focus { outline: none; }
.skip { position: absolute; left: -99rem; }
.skip:focus { left: 1rem; top: .5rem; padding: .5rem 1rem; background: var(--page); z-index: 1; }
button, input { font: inherit; color: inherit; background: var(--box); padding: .35rem .8rem;
  border: 1px solid var(--muted); border-radius: 6px; }
h1 { line-height: 1.2; } h1, h2, h3 { letter-spacing: -.01em; }
.anchor-link { margin-left: .4rem; text-decoration: none; font-size: .8em; }
pre, code { font-family: ui-monospace, "DejaVu Sans Mono", Menlo, Consolas, monospace;
  font-size: .875rem; }
pre { overflow-x: auto; margin: .5rem 0; padding: .7rem .9rem; border-radius: 6px; }
.code pre { background: var(--box); border: 1px solid var(--line); }
.output { margin: .5rem 0 1.25rem; overflow-x: auto; }
.output pre { border-left: 3px solid var(--line); border-radius: 0; }
.doc { white-space: pre-wrap; overflow-wrap: anywhere; }
img, video { max-width: 100%; height: auto; background: #fff; border-radius: 4px; }
table { border-collapse: collapse; font-size: .9rem; }
th, td { padding: .3rem .6rem; border-bottom: 1px solid var(--line); text-align: left;
  vertical-align: top; }
.table { overflow-x: auto; }
math { font-family: "Latin Modern Math", "STIX Two Math", "Cambria Math", math; font-size: 1.1em; }
math[display="block"] { margin: .75em 0; overflow-x: auto; }
.k, .kn, .ow, .kc { color: var(--key); font-weight: 600; }
.s, .s1, .s2, .sd, .sa, .si { color: var(--text); }
.c1, .c, .cm { color: var(--note); font-style: italic; }
footer { margin-top: 3rem; padding-top: 1rem; border-top: 1px solid var(--line);
  font-size: .875rem; color: var(--muted); }
@media print { header, footer, .skip { display: none; } }
"""

SCRIPT = """\
(() => {
  const root = document.documentElement, key = "lipkit-theme";
  const saved = () => { try { return localStorage.getItem(key); } catch { return null; } };
  const keep = value => { try { localStorage.setItem(key, value); } catch { return; } };
  const system = matchMedia("(prefers-color-scheme: dark)");
  const show = theme => {
    root.dataset.theme = theme;
    const button = document.getElementById("theme");
    if (button) button.setAttribute("aria-pressed", String(theme === "dark"));
  };
  const now = () => saved() || (system.matches ? "dark" : "light");
  show(now());
  system.addEventListener("change", () => show(now()));
  document.addEventListener("DOMContentLoaded", () => {
    show(now());
    document.getElementById("theme").addEventListener("click", () => {
      const theme = root.dataset.theme === "dark" ? "light" : "dark";
      keep(theme);
      show(theme);
    });
  });
})();
"""

SEARCH = """\
(() => {
  const field = document.getElementById("words"), list = document.getElementById("found");
  const said = document.getElementById("said");
  const count = (text, word) => text.split(word).length - 1;
  const search = () => {
    const words = field.value.toLowerCase().split(/\\s+/).filter(word => word.length > 1);
    const hits = words.length ? PAGES.map(page => {
      const title = page.title.toLowerCase(), text = page.text.toLowerCase();
      const scores = words.map(word => 20 * count(title, word) + count(text, word));
      const score = Math.min(...scores) ? scores.reduce((a, b) => a + b) : 0;
      return { page, score, at: text.indexOf(words[0]) };
    }).filter(hit => hit.score).sort((a, b) => b.score - a.score).slice(0, 30) : [];
    list.replaceChildren(...hits.map(({ page, at }) => {
      const item = document.createElement("li"), link = document.createElement("a");
      link.href = page.path;
      link.textContent = page.title;
      const around = document.createElement("p");
      around.textContent = "… " + page.text.slice(Math.max(0, at - 60), at + 140) + " …";
      item.append(link, around);
      return item;
    }));
    said.textContent = words.length ? `${hits.length} pages` : "";
  };
  field.addEventListener("input", search);
  field.value = new URLSearchParams(location.search).get("q") || "";
  search();
})();
"""
