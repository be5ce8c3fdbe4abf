"""A synthetic corpus in GRID's own layout.

``ROOT/s1/bbaf2n.mp4``, ``ROOT/align/s1/bbaf2n.align``, ``ROOT/truth/s1/bbaf2n.npz``, and
``ROOT/synthetic.json``, which is written last. The truth file holds ``landmarks`` f32
[T, 68, 2] (pixels), ``opening`` f32 [T] (pixels), ``shapes`` f32 [T, channels], the phonemes
(``symbols``, ``starts``, ``ends``: s) with the ``visemes`` of each, the ``leads`` (s) by which
the lips are in place before it sounds, and ``times``: how the phonemes' times were got
(``exact``, ``aligned``, ``recognised`` or ``loop``). T counts frames at 25 per second, whatever
the video's rate.

The cast says GRID's sentences (:func:`write_corpus`); anybody says anything
(:func:`write_takes`), as ``ROOT/s1001/00e1a2b3c.mp4`` or, from a camera of that kind, ``.mpg``.
"""

import json
import os
import unicodedata
from collections.abc import Sequence
from contextlib import closing
from dataclasses import asdict, dataclass
from itertools import groupby
from pathlib import Path

import numpy as np

from lipkit.corpora.record import Word
from lipkit.errors import LipkitError, UsageError
from lipkit.files import content, remove_leftovers, replacing
from lipkit.jobs.pool import Lost, each
from lipkit.jobs.progress import progress_bar
from lipkit.talker.camera import STUDIO_CAMERA
from lipkit.talker.clip import opening
from lipkit.talker.crowd import anybody
from lipkit.talker.film import SUFFIXES, film
from lipkit.talker.people import person
from lipkit.talker.performance import Performance, perform
from lipkit.talker.sentences import Sentence, choose
from lipkit.talker.speech import VOICES
from lipkit.talker.takes import Take, rehearse
from lipkit.talker.visemes import CHANNELS, lead, visemes_of

FORMAT = 1
"""Raised when the same seed gives other clips."""
ALIGN_RATE = 25_000
"""Units per second in a ``.align`` file."""
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

    def write(self) -> None:
        """Make the clip."""
        who = person(self.speaker, self.seed)
        performance = perform(who, Sentence(self.name), self.seed)
        _write(performance, self.path("video"), self.path("align"), self.path("truth"), "exact")


@dataclass(frozen=True)
class Shot:
    """One take to make into a video."""

    root: str
    take: Take

    @property
    def speaker(self) -> int:
        """Index of the person."""
        return self.take.person

    def path(self, kind: str, suffix: str) -> Path:
        """The file of kind ``""`` (video), ``align`` or ``truth``."""
        return Path(self.root) / kind / self.take.speaker / f"{self.take.name}{suffix}"

    @property
    def done(self) -> bool:
        """Whether all three files are there."""
        seen = any(self.path("", suffix).is_file() for suffix in SUFFIXES.values())
        rest = self.path("align", ".align"), self.path("truth", ".npz")
        return seen and all(path.is_file() for path in rest)

    def write(self) -> None:
        """Make the clip."""
        performance, _ = rehearse(self.take)
        video = self.path("", SUFFIXES[performance.camera.codec])
        align, facts = self.path("align", ".align"), self.path("truth", ".npz")
        _write(performance, video, align, facts, self.take.times)


def write_takes(
    out: str | os.PathLike,
    takes: Sequence[Take],
    workers: int | None = None,
    progress: bool = True,
) -> Path:
    """Write the takes of a plan as videos in GRID's layout; return the folder.

    Whole clips that are already there are kept, and a plan may be made larger.

    Raises
    ------
    LipkitError
        When the folder holds something else, a corpus of another seed or kind, or other clips
        of the same people and numbers.
    """
    if not takes:
        raise UsageError("there is nothing to draw; ask for a person and a clip at least")
    root, seed = Path(out), takes[0].seed
    # What is said first is the same for any number of people and clips.
    first = {"says": takes[0].sentence}
    kind = json.dumps(asdict(takes[0].manners) | first, sort_keys=True)
    _claim(root, seed, kind)
    shots = [Shot(str(root), take) for take in takes]
    todo = [shot for shot in shots if not shot.done]
    _refuse_others(todo)
    if todo:
        _run(todo, workers, progress, kept=len(shots) - len(todo))
    people = {take.speaker: asdict(anybody(take.person, seed)) for take in takes}
    clips = max(take.number for take in takes) + 1
    _sign(root, len(people), clips, seed, people, kind)
    return root


def _refuse_others(shots: Sequence[Shot]) -> None:
    """Refuse clips of a person and number that another call has drawn saying something else."""
    for shot in shots:
        folder, take = shot.path("", "").parent, shot.take
        for other in folder.glob(f"{take.number:02d}[eh]*"):
            if other.is_file() and other.stem != take.name:
                raise UsageError(
                    f"{other}: is clip {take.number} of {take.speaker} already, by other "
                    "recordings or another share of them; choose another folder, or give the same"
                )


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


def write_clip(job: "Job | Shot") -> None:
    """Make one clip; the video, which is written last, says that it is whole."""
    job.write()


def _write(performance: Performance, video: Path, align: Path, facts: Path, times: str) -> None:
    from lipkit.media import write_video

    with replacing(facts) as path:
        np.savez_compressed(path, **truth(performance), times=times)
    with replacing(align) as path:
        path.write_text(alignment(performance), encoding="ascii", newline="\n")
    if performance.camera == STUDIO_CAMERA:
        write_video(video, performance.frames(), performance.samples)
    else:
        film(video, performance.frames(), performance.samples, performance.camera)


def write_clips(jobs: "list[Job | Shot]") -> None:
    """Make several clips one after the other."""
    for job in jobs:
        write_clip(job)


def truth(performance: Performance) -> dict[str, np.ndarray]:
    """The arrays of a truth file, but for ``times``."""
    performance = performance.at_25()
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
    words, end = performance.words, len(performance.shapes) / performance.fps
    if not words:  # a recording of which only the phonemes are known
        words = (Word("unknown", performance.phonemes[0].end, performance.phonemes[-1].start),)
    edges = [w.start for w in words] + [words[-1].end]
    rows = [(0.0, edges[0], "sil")]
    rows += [(edges[i], edges[i + 1], _plain(w.text)) for i, w in enumerate(words)]
    rows += [(edges[-1], end, "sil")]
    return "".join(f"{round(a * ALIGN_RATE)} {round(b * ALIGN_RATE)} {w}\n" for a, b, w in rows)


def _plain(word: str) -> str:
    """A word as an ``.align`` file can hold it: one column of ASCII."""
    text = unicodedata.normalize("NFKD", word.lower()).encode("ascii", "ignore").decode()
    return "".join(text.split()) or "word"


def _claim(root: Path, seed: int, kind: str = "") -> None:
    """Refuse a folder that is not ours; mark an empty one."""
    if root.exists() and not root.is_dir():
        raise LipkitError(f"{root}: a file stands where the corpus should go; name another folder")
    for name in (_CARD, _UNFINISHED):
        if not (root / name).is_file():
            continue
        try:
            card = json.loads((root / name).read_text(encoding="utf-8"))
            found = (card["format"], card["seed"])
            other = _differs(card.get("kind", ""), kind)
        except (OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
            raise LipkitError(f"{root / name}: cannot be read; write to a new folder") from error
        if found != (FORMAT, seed):
            raise LipkitError(
                f"{root}: holds a corpus of seed {found[1]} (format {found[0]}), not of seed "
                f"{seed} (format {FORMAT}); write to another folder or delete this one"
            )
        if other:
            raise LipkitError(
                f"{root}: holds a corpus of another kind (--sentences, --text, --language, "
                "--speech, --human, --held-out, --sound, --camera); give the same options again, "
                "write to another folder or delete this one"
            )
        remove_leftovers(root)
        return
    if content(root):
        raise LipkitError(f"{root}: is not empty, nor a synthetic corpus; name another folder")
    with replacing(root / _UNFINISHED) as path:
        card = {"format": FORMAT, "seed": seed} | ({"kind": kind} if kind else {})
        path.write_text(json.dumps(card) + "\n", encoding="utf-8")


def _differs(before: str, now: str) -> bool:
    """Whether two kinds differ; an older card may say less."""
    if not (before and now):
        return before != now
    told, wanted = json.loads(before), json.loads(now)
    return any(wanted.get(name) != value for name, value in told.items())


def _sign(
    root: Path,
    speakers: int,
    clips: int,
    seed: int,
    people: dict[str, dict] | None = None,
    kind: str = "",
) -> None:
    """Write the card: what is in the corpus and who speaks."""
    path = root / _CARD
    if path.is_file():
        old = json.loads(path.read_text(encoding="utf-8"))
        if old["speakers"] >= speakers and old["clips"] >= clips:
            return
        # Whoever an earlier call drew is still there.
        speakers, clips = max(old["speakers"], speakers), max(old["clips"], clips)
        people = old["people"] | people if people else None
    people = people or _cast(speakers, seed)
    card = {
        "corpus": "synthetic",
        "format": FORMAT,
        "seed": seed,
        "speakers": speakers,
        "clips": clips,
        "channels": CHANNELS,
        "people": people,
    } | ({"kind": kind} if kind else {})
    with replacing(path) as temporary:
        temporary.write_text(json.dumps(card, indent=1) + "\n", encoding="utf-8")
    (root / _UNFINISHED).unlink(missing_ok=True)


def _cast(speakers: int, seed: int) -> dict[str, dict]:
    people = {}
    for index in range(speakers):
        who = asdict(person(index, seed))
        people[f"s{index + 1}"] = {**who, "voice": VOICES[who["voice"]].name}
    return people


def _run(jobs: "Sequence[Job | Shot]", workers: int | None, progress: bool, kept: int) -> None:
    """Make the clips, speaker by speaker: a process paints a face once and keeps it."""
    batches = []
    for _, group in groupby(jobs, key=lambda job: job.speaker):
        own = list(group)
        batches += [own[i : i + _BATCH] for i in range(0, len(own), _BATCH)]
    # Starting a process costs more than the few clips of one batch.
    workers = 0 if workers == 1 or len(batches) == 1 else workers
    total = len(jobs) + kept
    with (
        progress_bar(total=total, initial=kept, unit="clip", desc="synth", shown=progress) as bar,
        closing(each(write_clips, batches, workers=workers)) as results,
    ):
        for batch, result in results:
            if isinstance(result, Lost):
                raise LipkitError(f"{batch[0].root}: {result.reason}; run again with fewer workers")
            bar.update(len(batch))
    remove_leftovers(jobs[0].root)  # of processes that died and whose work was done again
