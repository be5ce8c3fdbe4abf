"""A synthetic corpus in GRID's own layout.

``ROOT/s1/bbaf2n.mp4``, ``ROOT/align/s1/bbaf2n.align``, ``ROOT/truth/s1/bbaf2n.npz``, and
``ROOT/synthetic.json``, which is written last. The truth file holds ``landmarks`` f32
[T, 68, 2] (pixels), ``opening`` f32 [T] (pixels), ``shapes`` f32 [T, channels], the phonemes
(``symbols``, ``starts``, ``ends``: s) with the ``visemes`` of each and the ``leads`` (s) by which
the lips are in place before it sounds.
"""

import json
import os
from contextlib import closing
from dataclasses import asdict, dataclass
from itertools import groupby
from pathlib import Path

import numpy as np
from tqdm.auto import tqdm

from lipkit.config import FPS
from lipkit.errors import LipkitError, UsageError
from lipkit.files import remove_leftovers, replacing
from lipkit.jobs.pool import Lost, each
from lipkit.talker.clip import opening
from lipkit.talker.people import person
from lipkit.talker.performance import Performance, perform
from lipkit.talker.sentences import Sentence, choose
from lipkit.talker.speech import VOICES
from lipkit.talker.visemes import CHANNELS, lead, visemes_of

FORMAT = 1
"""Raised when the same seed gives other clips."""
ALIGN_RATE = 25_000
"""Units a second in a ``.align`` file."""
_CARD, _UNFINISHED = "synthetic.json", "synthetic.unfinished.json"
_BATCH = 2
"""Clips a process takes at once; so long Ctrl-C may have to wait."""


@dataclass(frozen=True)
class Job:
    """One clip to make."""

    root: str
    speaker: int
    """Index of the person, from 0; the folder is ``s`` + (index + 1)."""
    name: str
    seed: int

    def path(self, kind: str) -> Path:
        """The file of kind ``video``, ``align`` or ``truth``."""
        folder = f"s{self.speaker + 1}"
        root = Path(self.root)
        if kind == "video":
            return root / folder / f"{self.name}.mp4"
        suffix = {"align": ".align", "truth": ".npz"}[kind]
        return root / kind / folder / f"{self.name}{suffix}"

    @property
    def done(self) -> bool:
        """Whether all three files are there."""
        return all(self.path(kind).is_file() for kind in ("video", "align", "truth"))


def write_corpus(
    out: str | os.PathLike,
    speakers: int = 8,
    clips: int = 20,
    seed: int = 0,
    workers: int | None = None,
    progress: bool = True,
) -> Path:
    """Write ``clips`` sentences of each of ``speakers`` people; return the folder.

    The same ``seed`` gives the same frames and samples for any number of workers. Whole clips
    that are already there are kept, so an interrupted call can be repeated and a corpus
    can be made larger.

    Raises
    ------
    LipkitError
        When the folder holds something else, or a corpus of another seed.
    """
    for name, value in (("speakers", speakers), ("clips", clips)):
        if value < 1:
            raise UsageError(f"{name}={value}: must be at least 1")
    if seed < 0:
        raise UsageError(f"seed={seed}: must be at least 0")
    root = Path(out)
    _claim(root, seed)
    jobs = plan(root, speakers, clips, seed)
    todo = [job for job in jobs if not job.done]
    if todo:
        _run(todo, workers, progress, kept=len(jobs) - len(todo))
    _sign(root, speakers, clips, seed)
    return root


def plan(root: str | os.PathLike, speakers: int, clips: int, seed: int) -> list[Job]:
    """Every clip of a corpus; more speakers or clips only add to it."""
    return [
        Job(str(root), speaker, sentence.name, seed)
        for speaker in range(speakers)
        for sentence in choose(speaker, clips, seed)
    ]


def write_clip(job: Job) -> None:
    """Make one clip; the video, which is written last, says that it is whole."""
    from lipkit.media import write_video

    who = person(job.speaker, job.seed)
    performance = perform(who, Sentence(job.name), job.seed)
    with replacing(job.path("truth")) as path:
        np.savez_compressed(path, **truth(performance))
    with replacing(job.path("align")) as path:
        path.write_text(alignment(performance), encoding="ascii", newline="\n")
    write_video(job.path("video"), performance.frames(), performance.samples)


def write_clips(jobs: list[Job]) -> None:
    """Make several clips one after the other."""
    for job in jobs:
        write_clip(job)


def truth(performance: Performance) -> dict[str, np.ndarray]:
    """The arrays of a truth file."""
    landmarks = performance.landmarks()
    spoken = performance.phonemes
    return {
        "landmarks": landmarks,
        "opening": opening(landmarks).astype(np.float32),
        "shapes": performance.shapes.astype(np.float32),
        "symbols": np.array([p.symbol for p in spoken]),
        "starts": np.array([p.start for p in spoken]),
        "ends": np.array([p.end for p in spoken]),
        "visemes": np.array([visemes_of(p.symbol)[0] for p in spoken]),
        "leads": np.array([lead(p) for p in spoken]),
    }


def alignment(performance: Performance) -> str:
    """The text of GRID's ``.align``: ``start end word`` in 1/25,000 s, silence at both ends."""
    words, end = performance.words, len(performance.shapes) / FPS
    edges = [w.start for w in words] + [words[-1].end]
    rows = [(0.0, edges[0], "sil")]
    rows += [(edges[i], edges[i + 1], w.text.lower()) for i, w in enumerate(words)]
    rows += [(edges[-1], end, "sil")]
    return "".join(f"{round(a * ALIGN_RATE)} {round(b * ALIGN_RATE)} {w}\n" for a, b, w in rows)


def _claim(root: Path, seed: int) -> None:
    """Refuse a folder that is not ours; mark an empty one."""
    if root.exists() and not root.is_dir():
        raise LipkitError(f"{root}: a file stands where the corpus should go; name another folder")
    for name in (_CARD, _UNFINISHED):
        if not (root / name).is_file():
            continue
        try:
            card = json.loads((root / name).read_text(encoding="utf-8"))
            found = (card["format"], card["seed"])
        except (ValueError, KeyError, TypeError) as error:
            raise LipkitError(f"{root / name}: cannot be read; write to a new folder") from error
        if found != (FORMAT, seed):
            raise LipkitError(
                f"{root}: holds a corpus of seed {found[1]} (format {found[0]}), not of seed "
                f"{seed} (format {FORMAT}); write to another folder or delete this one"
            )
        remove_leftovers(root)
        return
    if root.is_dir() and any(root.iterdir()):
        raise LipkitError(f"{root}: is not empty and no synthetic corpus; name another folder")
    with replacing(root / _UNFINISHED) as path:
        path.write_text(json.dumps({"format": FORMAT, "seed": seed}) + "\n", encoding="utf-8")


def _sign(root: Path, speakers: int, clips: int, seed: int) -> None:
    """Write the card: what is in the corpus and who speaks."""
    path = root / _CARD
    if path.is_file():
        old = json.loads(path.read_text(encoding="utf-8"))
        if old["speakers"] >= speakers and old["clips"] >= clips:
            return
    people = {}
    for index in range(speakers):
        who = asdict(person(index, seed))
        people[f"s{index + 1}"] = {**who, "voice": VOICES[who["voice"]].name}
    card = {
        "corpus": "synthetic",
        "format": FORMAT,
        "seed": seed,
        "speakers": speakers,
        "clips": clips,
        "channels": CHANNELS,
        "people": people,
    }
    with replacing(path) as temporary:
        temporary.write_text(json.dumps(card, indent=1) + "\n", encoding="utf-8")
    (root / _UNFINISHED).unlink(missing_ok=True)


def _run(jobs: list[Job], workers: int | None, progress: bool, kept: int) -> None:
    """Make the clips, speaker by speaker: a process paints a face once and keeps it."""
    batches = []
    for _, group in groupby(jobs, key=lambda job: job.speaker):
        own = list(group)
        batches += [own[i : i + _BATCH] for i in range(0, len(own), _BATCH)]
    # Starting a process costs more than the few clips of one batch.
    workers = 0 if workers == 1 or len(batches) == 1 else workers
    total = len(jobs) + kept
    with (
        tqdm(total=total, initial=kept, unit="clip", desc="synth", disable=not progress) as bar,
        closing(each(write_clips, batches, workers=workers)) as results,
    ):
        for batch, result in results:
            if isinstance(result, Lost):
                first = batch[0].path("video")
                raise LipkitError(f"{first}: {result.reason}; run again with fewer workers")
            bar.update(len(batch))
