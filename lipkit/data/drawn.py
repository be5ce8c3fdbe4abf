"""Drawn people straight into a prepared set: exact points, no detection, no video in between.

Half of what they say may come from recordings of human beings; the rest is said by espeak-ng.
The set is one like any other (:mod:`lipkit.data.prepared`), and its clips' headers hold, besides,
``phonemes`` (symbol, start, end in seconds), ``text``, ``voice`` and ``times``: how the
phonemes' times were got.
"""

import hashlib
import json
import os
from collections.abc import Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from tqdm.auto import tqdm

from lipkit.config import PrepareConfig
from lipkit.corpora.record import ClipRecord
from lipkit.data.clips import ClipFile, PreparedClip, write_clip
from lipkit.data.manifest import MANIFEST, Outcome, clip_file, write_manifest
from lipkit.data.prepared import claim, describe
from lipkit.errors import LipkitError, UsageError
from lipkit.face.lips import crop, crop_boxes
from lipkit.files import remove_leftovers
from lipkit.jobs.pool import Lost, each
from lipkit.media.audio import log_mel
from lipkit.settings import to_dict
from lipkit.talker import crowd, english
from lipkit.talker.face import Part
from lipkit.talker.performance import Performance, perform_speech
from lipkit.talker.recordings import Piece
from lipkit.talker.speech import Speech, speak

VERSION = 1
"""Raised when the same job gives another clip."""
_FADE = 0.015
"""Seconds over which a piece of a recording fades in and out."""


@dataclass(frozen=True)
class Job:
    """One clip to draw."""

    person: int
    """Index of the person in the crowd of ``seed``."""
    number: int
    """Which of the person's clips."""
    seed: int
    text: str
    """What espeak says, or what is known to be said in ``piece``."""
    piece: Piece | None
    held: bool
    """Whether espeak's held-out voices speak."""
    split: str

    @property
    def record(self) -> ClipRecord:
        """The clip as a corpus lists it."""
        speaker = f"p{self.person:03d}"
        said = self.piece.name if self.piece else self.text.lower()
        digest = hashlib.sha256(said.encode()).hexdigest()[:6]
        name = f"{speaker}/{self.number:02d}{'h' if self.piece else 'e'}{digest}"
        return ClipRecord(name, speaker, "synthetic", Path(name), split=self.split, sentence=said)

    @property
    def key(self) -> str:
        """What the clip depends on, as far as the job says it."""
        return json.dumps(
            [VERSION, self.person, self.number, self.seed, self.text, self.held]
            + ([self.piece.name, self.piece.start, self.piece.end] if self.piece else [])
        )


def plan(
    people: int,
    clips: int,
    seed: int,
    split: str = "train",
    pieces: Sequence[Piece] = (),
    human: float = 0.5,
    held: bool = False,
) -> list[Job]:
    """Every clip of a set: ``clips`` of each of ``people``.

    Parameters
    ----------
    pieces
        Of human voices; a woman gets women's, as far as the sex is known. Each is said once
        before any is said twice, and a face has few voices.
    human
        Share of the clips that are human, where there are pieces.
    held
        Held-out sentences and espeak voices instead of the others.
    """
    own = {
        woman: [p for p in pieces if p.recording.sex in ("", "f" if woman else "m")]
        for woman in (True, False)
    }
    for woman, some in own.items():
        order = np.random.default_rng([seed, woman, 51])
        speakers = sorted({p.recording.speaker for p in some})
        place = dict(zip(order.permutation(speakers).tolist(), range(len(speakers)), strict=True))
        some.sort(key=lambda p: (place[p.recording.speaker], p.name))
    taken = {True: 0, False: 0}
    jobs = []
    for index in range(people):
        woman = crowd.anybody(index, seed).woman
        mine, others = own[woman], english.choose(index, clips, seed, held)
        for number in range(clips):
            human_turn = mine and int((number + 1) * human) > int(number * human)
            if human_turn:
                piece = mine[taken[woman] % len(mine)]
                taken[woman] += 1
                text = " ".join(w.text for w in piece.words) or piece.name
                jobs.append(Job(index, number, seed, text, piece, held, split))
            else:
                jobs.append(Job(index, number, seed, others[number], None, held, split))
    return jobs


def rehearse(job: Job) -> tuple[Performance, str]:
    """The performance of a job, and the voice's name."""
    who = crowd.anybody(job.person, job.seed)
    rng = np.random.default_rng([job.seed, job.person, job.number, 52])
    manner = crowd.manner(rng)
    if job.piece is None:
        voice = crowd.voice(rng, who.woman, job.held)
        speech, name = speak(job.text, voice), f"espeak {voice.language}+{voice.variant}"
    else:
        speech, name = _human(job.piece), f"human {job.piece.recording.speaker}"
    performance = perform_speech(who, speech, job.text, manner, job.seed + 1000 * job.number)
    return performance, name


def _human(piece: Piece) -> Speech:
    samples = piece.samples().astype(np.float64)
    count = round(_FADE * 44_100)
    ramp = np.linspace(0, 1, count)
    samples[:count] *= ramp
    samples[-count:] *= ramp[::-1]
    return Speech(samples / (np.abs(samples).max() + 1e-9), piece.phonemes, piece.words)


def draw(job: Job, config: PrepareConfig) -> PreparedClip:
    """The prepared clip of a job."""
    performance, voice = rehearse(job)
    points = performance.landmarks()
    boxes = crop_boxes(points, config)
    part = _around(boxes)
    corner = [part[1].start, part[0].start, 0]
    logmel = log_mel(performance.samples).astype(np.float16)
    exact = logmel.astype(np.float64)
    spoken = [[p.symbol, round(p.start, 4), round(p.end, 4)] for p in performance.phonemes]
    return PreparedClip(
        lips=crop(performance.frames(part), boxes - corner),
        logmel=logmel,
        landmarks=points,
        box=boxes,
        meta={
            "corpus": "synthetic",
            "speaker": job.record.speaker,
            "source": "drawn",
            "settings": json.dumps(to_dict(config), sort_keys=True),
            "job": job.key,
            "notes": "",
            "logmel_sum": repr(float(exact.sum())),
            "logmel_squares": repr(float(np.square(exact).sum())),
            "text": performance.text,
            "voice": voice,
            "times": job.piece.how if job.piece else "exact",
            "phonemes": json.dumps(spoken),
        },
    )


def _around(boxes: np.ndarray) -> Part:
    """Rows and columns of the frame that hold all boxes: nothing else need be drawn."""
    low = np.floor((boxes[:, :2] - boxes[:, 2:] / 2).min(0)).astype(int) - 3
    high = np.ceil((boxes[:, :2] + boxes[:, 2:] / 2).max(0)).astype(int) + 4
    (left, top), (right, bottom) = np.maximum(low, 0), high
    return slice(int(top), int(bottom)), slice(int(left), int(right))


def store(jobs: list[Job], out: Path, config: PrepareConfig) -> list[Outcome]:
    """Draw clips of one person and write them; runs in a worker."""
    outcomes = []
    for job in jobs:
        path = out / clip_file(job.record)
        try:
            clip = draw(job, config)
        except LipkitError as error:
            outcomes.append(Outcome(reason=str(error)))
            continue
        write_clip(path, clip)
        outcomes.append(_outcome(clip.meta, clip.frames))
    return outcomes


def write_set(
    out: str | os.PathLike,
    jobs: Sequence[Job],
    config: PrepareConfig | None = None,
    workers: int | None = None,
    progress: bool = True,
) -> Path:
    """Draw the clips of a plan into the prepared set ``out``; one that was begun is continued.

    Raises
    ------
    UsageError
        When ``out`` holds something else, or there is nothing to draw.
    LipkitError
        When nothing can be written, or a process died.
    """
    config = config or PrepareConfig()
    if not jobs:
        raise UsageError("there is nothing to draw; ask for a person and a clip at least")
    out = Path(os.path.abspath(out))
    claim(out, "synthetic", config)
    remove_leftovers(out)
    outcomes: dict[Job, Outcome] = {job: old for job in jobs if (old := _kept(job, out, config))}
    batches = _batches([job for job in jobs if job not in outcomes])
    workers = 0 if workers == 1 or len(batches) < 2 else workers
    work = _Store(out, config)
    with (
        tqdm(total=len(jobs), initial=len(outcomes), unit="clip", disable=not progress) as bar,
        closing(each(work, batches, workers=workers)) as results,
    ):
        for batch, result in results:
            if isinstance(result, Lost):
                raise LipkitError(f"{out}: {result.reason}; run again with fewer workers")
            outcomes.update(zip(batch, result, strict=True))
            bar.update(len(batch))
    clips = sorted(((job.record, outcomes[job]) for job in jobs), key=lambda c: c[0].clip_id)
    write_manifest(out / MANIFEST, clips)
    describe(out, "synthetic", config, clips)
    return out


@dataclass(frozen=True)
class _Store:
    """:func:`store` with its last arguments, to be sent to another process."""

    out: Path
    config: PrepareConfig

    def __call__(self, jobs: list[Job]) -> list[Outcome]:
        return store(jobs, self.out, self.config)


def _batches(jobs: list[Job]) -> list[list[Job]]:
    """The clips of one person together: a process paints a face once and keeps it."""
    by_person: dict[int, list[Job]] = {}
    for job in jobs:
        by_person.setdefault(job.person, []).append(job)
    return list(by_person.values())


def _outcome(meta: dict[str, str], frames: int) -> Outcome:
    return Outcome(frames, "", "", float(meta["logmel_sum"]), float(meta["logmel_squares"]))


def _kept(job: Job, out: Path, config: PrepareConfig) -> Outcome | None:
    try:
        file = ClipFile(out / clip_file(job.record))
        same = file.meta["job"] == job.key
        same = same and file.meta["settings"] == json.dumps(to_dict(config), sort_keys=True)
        return _outcome(file.meta, file.frames) if same else None
    except (LipkitError, KeyError, ValueError):
        return None
