"""The claims on one page, for a sceptic with five minutes: made from stored results alone.

``python -m lipkit.course.claims_page`` writes ``notebooks/results/claims.md``. A strip of frames
stands beside the claims where the results hold one; ``lipkit experiment`` draws it while it still
has the networks (:func:`write_strip`).
"""

import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from lipkit.config.places import RESULTS
from lipkit.errors import LipkitError
from lipkit.experiments.columns import BLOCKS, tables
from lipkit.experiments.measure import whole_runs
from lipkit.experiments.plan import Plan
from lipkit.experiments.records import DIVERGED
from lipkit.experiments.restarts import with_restarts
from lipkit.experiments.stored import Stored, read_results
from lipkit.files import replacing
from lipkit.report.tables import markdown_table, number, with_ends, write_text

PAGE = "claims.md"
STRIP = "strip.png"
TALKER, SENTENCE = 30, "place green with k seven please"
"""A drawn person whom no weights have seen, by index, and what they say."""
FRAMES = 5
_READING = (
    "**How to read it.** Every row is one claim, on one test, by one metric. *Paper* is the "
    "difference that was printed, of single runs on other people. *Ours* is the difference of the "
    "means over seeds, with an interval that covers other clips or people and other seeds, "
    "widened for the number of claims. *Matters* is the smallest effect that was said to matter, "
    "before the runs. *Could be seen* is the effect that this budget would have found in four of "
    "five cases: where it is larger than what matters, undecided says more about the budget than "
    "about the claim. *Placebo* is what the same loss makes of another clip's sound. *Seeds* says "
    "how many both columns of the claim were trained with."
)


def claims_page(results: Sequence[Stored], below: bool = False) -> str:
    """The page, in Markdown; experiments without results are named with the command for them.

    ``below``: the page lies above the folders of the results, rather than beside their files.
    """
    lines = ["# The claims, in five minutes", "", _READING, ""]
    for stored in results:
        name = stored.folder.name.removeprefix(stored.experiment.name).strip("_")
        lines += [f"## {stored.experiment.title}" + (f": {name}" if stored and name else ""), ""]
        if not stored:
            lines += [stored.missing(), ""]
            continue
        lines += [f"{stored.budget()}.", ""]
        lines += [f"- {told}" for split in stored.splits for told in _about(stored, split)] + [""]
        lines += [f"**{stored.old()}**", ""] if stored.old() else []
        for block, title in BLOCKS.items():
            rows = [r for r in stored.claims if _block_of(stored, r) == block]
            rows = [r for r in rows if not r["metric"].endswith("_paper")]
            if rows:
                title = title if not stored.old() else title.partition(",")[0]
                lines += [f"### {title}", "", *_table(rows), ""]
        lines += _astray(stored)
        place = f"{stored.folder.name}/" if below else ""
        if (stored.folder / STRIP).is_file():
            lines += [f"![Five frames of a drawn person, by each cell]({place}{STRIP})", ""]
        else:
            lines += ["No strip of frames is stored beside these results.", ""]
        lines += [f"The rule: {stored.rule}", ""]
        lines += [f"All rows: [table]({place}table.md), [claims]({place}claims.md).", ""]
    return "\n".join(lines).rstrip("\n") + "\n"


def _block_of(stored: Stored, row: Mapping[str, Any]) -> str:
    """Whose claim a row is; in results of an older form only the claim's name tells."""
    known = {contrast.name: contrast.block for contrast in stored.experiment.contrasts}
    return row.get("block") or known.get(row["contrast"], "")


def _about(stored: Stored, split: str) -> list[str]:
    """What a test is, and who is not averaged there."""
    people = stored.about["splits"][split].get("people", [])
    out = [p for p in people if not p["averaged"]]
    whose = f", {len(people)} people" if len(people) > 1 else ""
    told = [f"{stored.measured(split)}{whose}"]
    return told + [f"{p['name']} is not averaged there: {'; '.join(p['faults'])}" for p in out]


def _table(rows: Sequence[Mapping[str, Any]]) -> list[str]:
    heads = ["claim", "test", "metric", "verdict", "paper", "ours", "matters", "could be seen"]
    heads += ["placebo", "seeds"]
    cells = [
        [
            f"{row['claim']} ({row['from']} → {row['to']})",
            row["split"],
            row["metric"],
            f"**{row['verdict']}**",
            number(row["paper"], 3, "+"),
            with_ends(row["difference"], row["low"], row["high"], 3, "+"),
            number(row.get("matters"), 3),
            number(row.get("seen"), 3),
            number(row.get("placebo"), 3, "+"),
            str(len(row["seeds"])),
        ]
        for row in rows
    ]
    return markdown_table(heads, cells, 4)


def _astray(stored: Stored) -> list[str]:
    """The runs that diverged, each with the one in its place."""
    by_name = {run["replaces"]: run["name"] for run in stored.about["runs"] if run.get("replaces")}
    lines = []
    for run in stored.about["runs"]:
        if run["status"] == DIVERGED:
            instead = by_name.get(run["name"])
            told = f"; {instead} was trained in its place" if instead else ""
            lines.append(f"- {run['name']} diverged{told}")
    return [*lines, ""] if lines else []


def write_claims_page(folder: Path = RESULTS) -> Path:
    """Write ``claims.md`` from the results of all experiments below a folder.

    They lie in folders by the experiment's name, such as ``ablation`` and ``ablation_printed``.

    Raises
    ------
    LipkitError
        When stored results are broken, or the folder cannot be written.
    """
    found = []
    for name, table in tables().items():
        places = [folder / name, *sorted(folder.glob(f"{name}_*"))]
        whole = [place for place in places if (place / "results.csv").is_file()]
        stored = [read_results(name, place) for place in whole]
        # What an older rule judged stands below what today's did.
        found += sorted(stored, key=lambda known: bool(known.old())) or [
            Stored(table, places[0], {}, (), (), ())
        ]
    write_text(folder / PAGE, claims_page(found, below=True))
    return folder / PAGE


def write_strip(plan: Plan) -> Path | None:
    """Draw five frames of a drawn person by every cell that draws; None where none does.

    The same person says the same sentence in every row: the truth above, then a run of each
    cell, its first seed that counts, and the still picture itself.

    Raises
    ------
    LipkitError
        When dlib's landmark model is missing.
    """
    from lipkit.face.landmarks import FaceLandmarks
    from lipkit.face.lips import crop
    from lipkit.generation import LogMel, find_lips, for_inference, generate_frames
    from lipkit.models.catalogue import network_of
    from lipkit.plots import film_strip
    from lipkit.plots.style import to_png
    from lipkit.talker import person, still, talking_clip
    from lipkit.weights import load_weights

    runs = {}
    for run in whole_runs(with_restarts(plan)):
        if network_of(run.preset.generator).draws and run.cell.name not in runs:
            runs[run.cell.name] = run
    if not runs:
        return None
    who = person(TALKER)
    talk = talking_clip(TALKER, SENTENCE, 0)
    lips = find_lips(still(who), plan.base.prepare, FaceLandmarks().load(), "the drawn person")
    truth = crop(talk.frames, np.repeat(lips.box[None], len(talk.frames), axis=0))
    rows = {"truth": truth}
    for name, run in runs.items():
        generator, card = load_weights(run.folder)
        logmel = LogMel(talk.samples, card)
        made = generate_frames(for_inference(generator), lips.image, logmel)
        rows[name.replace("_", "_\n")] = np.stack(list(made))
    rows["frozen"] = np.repeat(lips.image[None], len(truth), axis=0)
    sounds = [p for p in talk.phonemes if p.symbol != "_"]
    chosen = [sounds[i] for i in np.linspace(0, len(sounds) - 1, FRAMES).round().astype(int)]
    last = min(map(len, rows.values())) - 1
    at = [min(last, int(25 * (p.start + p.end) / 2)) for p in chosen]
    figure = film_strip({name: row[at] for name, row in rows.items()}, [p.symbol for p in chosen])
    with replacing(plan.out / STRIP) as temporary:
        temporary.write_bytes(to_png(figure))
    return plan.out / STRIP


if __name__ == "__main__":
    try:
        print(write_claims_page())
    except LipkitError as fault:
        sys.exit(str(fault))
