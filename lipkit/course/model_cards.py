"""Model cards of the weights that come with the kit, in Markdown.

Numbers come from the card in each file's header. What no header can say, for whom a model is
meant and what it does badly, stands here. ``python -m lipkit.course.model_cards`` writes
``notebooks/results/model_cards.md``.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from lipkit.config.places import RESULTS
from lipkit.files import replacing
from lipkit.metrics import METRICS
from lipkit.metrics.sync.weights import read_sync_card
from lipkit.models.network import parameter_count
from lipkit.weights import load_weights, shipped

PAGE = RESULTS / "model_cards.md"

SPLITS = {
    "s1_test": "the speaker s1, sentences that were not trained on",
    "unseen_speaker_test": "the speaker s26, who is in no training set",
    "strangers": "real people who are in no training set",
    "drawn_test": "24 drawn people, free speech, nothing of it trained on",
}
"""What is measured in the cards: the prefix of a metric's name, and in words."""


@dataclass(frozen=True)
class Words:
    """What the header of a weights file cannot say."""

    about: str
    people: str
    use: str
    limits: str


_MANY = (
    "240 drawn people; s1 and, with seven clips, six other speakers of GRID, who were recorded "
    "for a public corpus that gives no names. Voices: 251 readers of LibriSpeech and 84 "
    "speakers of AN4, who read for public corpora, and espeak-ng."
)

WORDS: Mapping[str, Words] = {
    "plus": Words(
        "Our own generator: it moves the pixels of the identity image and draws what the image "
        "does not show.",
        "s1 and, with seven clips, six other speakers of GRID, who were recorded for a public "
        "corpus that gives no names; and 24 drawn people.",
        "Teaching, and comparing models.",
        "It was taught GRID's 51 words and no others, and follows free speech less than "
        "`plus_crowd`. On real strangers it opens the mouth .84 times "
        "as far as they do, and more smoothly. It has seen few faces, from the front only.",
    ),
    "plus_crowd": Words(
        "`plus`, trained further on a crowd of drawn people who say anything, many of them smiling "
        "or with an open mouth in the identity image.",
        _MANY,
        "Teaching, and speech of any kind. It is what `lipkit generate` takes when no weights are "
        "named.",
        "On the one man of whom `plus` knows most it is a little worse than `plus`, and on real "
        "strangers who say GRID's sentences no better. It opens the mouth .88 times as far as "
        "they do, and more smoothly. It has heard English only, most of its speakers are drawn, "
        "and it has seen faces from the front only.",
    ),
    "paper": Words(
        "The paper's generator at a quarter of its width, trained on many people: losses of the "
        "printed forms, weighted for few steps.",
        _MANY,
        "Teaching: what the paper's network learns of anybody's lips on one CPU core.",
        "Its lips are soft, teeth are a grey band, and it opens a stranger's mouth half as far as "
        "it should. It hardly follows free speech: on drawn people who say anything it is no "
        "better than frozen lips by LMD.",
    ),
    "mended": Words(
        "The paper's generator with temporal kernels of three frames, at a quarter of its width, "
        "trained on many people for as long as `paper`, with our contrastive correlation loss "
        "and Lucas-Kanade's flow in the place of what the paper prints.",
        _MANY,
        "Teaching: what mending the paper's losses changes, and what it does not.",
        "As `paper`: soft lips, teeth as a grey band, hardly any free speech. It moves its lips "
        "further, and is no nearer to the truth by LMD, SSIM or the opening's r.",
    ),
    "paper_augmented": Words(
        "`paper`, trained further with other voices, microphones, lamps and cameras.",
        _MANY,
        "Teaching: what augmentation gives, and what it takes. A beginning for people whom the "
        "training did not have.",
        "It keeps strangers' faces a little better than `paper` and knows s1 less well. Its lips "
        "are softer still, and free speech moves them as little.",
    ),
    "paper_third": Words(
        "`paper` after a third of its training: where the demo and notebook 07 go on.",
        _MANY,
        "Teaching: what a model looks like on its way, and a beginning for minutes of training.",
        "Its lips are softer than those of `paper` and follow the sound less; free speech moves "
        "them hardly at all.",
    ),
    "paper_tenth": Words(
        "`paper` after a tenth of its training.",
        _MANY,
        "Teaching: what the network learns first, which is the picture, not the motion.",
        "Its lips hardly follow the sound, and by SSIM it is worse than frozen lips.",
    ),
    "ablation_full": Words(
        "Column (e) of the ablation, its first seed: the paper's generator at an eighth of its "
        "width, with all four losses of the printed forms.",
        _MANY,
        "Teaching: one half of a pair, to be looked at beside `ablation_no_corr`.",
        "It is small, was trained for a quarter of an hour, and its pictures change a quarter as "
        "much as real ones. Free speech does not move them at the right moments.",
    ),
    "ablation_no_corr": Words(
        "Column (d) of the ablation, its first seed: as `ablation_full`, but without the "
        "correlation loss.",
        _MANY,
        "Teaching: the other half of that pair.",
        "As `ablation_full`, from which it hardly differs by any metric.",
    ),
    "paper_half": Words(
        "The paper's generator at half its width, trained for few steps.",
        "One man: s1 of GRID, who was recorded for a public corpus that gives no names.",
        "Teaching: what the paper's network and losses give on two CPU cores.",
        "It knows one man: on another speaker it is worse than frozen lips by LMD and SSIM.",
    ),
}


def frozen_lips(folder: Path = RESULTS / "evaluation") -> dict[str, float]:
    """What frozen lips score on the tests of the cards: "split metric" -> mean.

    From the stored tables; where several have a test, from that of the most clips. People are
    weighed as on the cards: of real people those whom the rule of trust passes, of drawn ones
    all, since it is their mouths that are known exactly.

    >>> frozen_lips()["drawn_test lmd"] < frozen_lips()["strangers lmd"]
    True
    """
    paths = sorted(path for path in folder.rglob("*.json") if path.stem in SPLITS)
    reports = [(json.loads(path.read_text(encoding="utf-8")), path.stem) for path in paths]
    found = {}
    for report, split in sorted(reports, key=lambda pair: _clips(pair[0])):
        rows = {row["name"]: row["metrics"] for row in report["rows"]}
        people = [p for p in report.get("people", []) if p["averaged"] or split == "drawn_test"]
        for metric, over_all in rows["frozen lips"].items():
            values = [p["rows"]["frozen lips"].get(metric) for p in people] or [over_all["mean"]]
            if None not in values:
                found[f"{split} {metric}"] = float(np.mean(values))
    return found


def _clips(report: Mapping) -> int:
    """Clips that were measured, of the people who are not averaged too."""
    return sum(p["clips"] for p in report.get("people", [])) or report["clips"]


def write_cards() -> str:
    """All cards, as the text of one page."""
    parts = [
        "# Model cards",
        "Of the weights that come with the kit, in the manner of Mitchell et al., *Model Cards for "
        "Model Reporting* (FAT* 2019). Made by `python -m lipkit.course.model_cards` from the "
        "card in each file's header. No model may be used to deceive or to identify; dlib's "
        "landmark model, which finds the face, excludes commercial use.",
    ]
    parts += [_generator_card(name) for name in shipped.names()]
    parts.append(_sync_card())
    return "\n\n".join(parts) + "\n"


def _generator_card(name: str) -> str:
    generator, card = load_weights(name, pictures=False)
    words = WORDS[name]
    size = shipped.path_of(name).stat().st_size
    facts = [
        ("file", f"`{name}{shipped.SUFFIX}`, {size / 1e6:.1f} MB, safetensors"),
        ("network", f"`{card.preset.generator.architecture}`, {_count(generator)} parameters"),
        ("trained on", f"{card.corpus}: {card.split}; {card.clips} clips"),
        ("training", f"{card.step:,} steps, ended on {card.date}; preset `{card.preset.name}`"),
        ("data's licence", card.data_licence),
        ("licence of the weights", "CC BY 4.0"),
    ]
    prose = [
        words.about,
        _table(("", ""), facts),
        f"**How it was made.** {card.note[:1].upper()}{card.note[1:]}.",
        f"**People.** {words.people}",
        f"**Meant for.** {words.use}",
        f"**What it does badly.** {words.limits}",
        _measured(card.metrics),
    ]
    return "\n\n".join([f"## `{name}`", *prose])


def _count(generator) -> str:
    return f"{parameter_count(generator):,}"


def _measured(metrics: Mapping[str, float]) -> str:
    """A row for each metric, a column for each split of :data:`SPLITS`."""
    names = [m for m in METRICS if any(f"{split} {m}" in metrics for split in SPLITS)]
    rows = []
    for name in names:
        about = METRICS[name]
        label = f"{about.label}, {about.unit}" if about.unit else about.label
        values = [metrics.get(f"{split} {name}") for split in SPLITS]
        shown = ["–" if value is None else f"{value:g}" for value in values]
        rows.append((label, about.better, *shown))
    heads = ("metric", "better", *(f"{split}: {said}" for split, said in SPLITS.items()))
    return _table(heads, rows)


def _sync_card() -> str:
    card = read_sync_card()
    size = (shipped.FOLDER / f"{shipped.SYNC}{shipped.SUFFIX}").stat().st_size
    facts = [
        ("file", f"`{shipped.SYNC}{shipped.SUFFIX}`, {size / 1e3:.0f} kB, safetensors"),
        ("trained on", f"{', '.join(card['data'])}; {card['clips']} clips"),
        ("people", f"{card['speakers']}, real and drawn"),
        ("training", f"{card['step']:,} steps, ended on {card['date']}"),
        ("data's licence", card["data_licence"]),
        ("licence of the weights", "CC BY 4.0"),
    ]
    rows = [
        (name, str(found["clips"]), f"{100 * found['shift_within_1']:.1f} %")
        for name, found in card["figures"].items()
    ]
    heads = ("measured on", "clips", "artificial shifts found within one frame")
    prose = [
        "The network of the sync metric: do lips and sound belong together, and by how many "
        "frames are they apart? It generates nothing.",
        _table(("", ""), facts),
        "**Meant for.** Comparing models that were trained and measured with this kit.",
        "**What it does badly.** Its confidence on a new speaker is about a third of that on a "
        "known one. It is no SyncNet: its numbers cannot be compared with those of papers that "
        "use one.",
        _table(heads, rows),
    ]
    return "\n\n".join([f"## `{shipped.SYNC}`", *prose])


def _table(heads: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    lines = [heads, [":--"] * len(heads), *rows]
    return "\n".join(f"| {' | '.join(cells)} |" for cells in lines)


if __name__ == "__main__":
    with replacing(PAGE) as temporary:
        temporary.write_text(write_cards(), encoding="utf-8")
    print(PAGE)
