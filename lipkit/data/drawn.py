"""Drawn people straight into a prepared set: exact points, no detection, no video in between.

Half of what they say may come from recordings of human beings; the rest is said by espeak-ng.
The set is one like any other (:mod:`lipkit.data.prepared`), and its clips' headers hold, besides,
``phonemes`` (symbol, start, end in seconds), ``text``, ``voice`` and ``times``: how the
phonemes' times were got.
"""

import json
import os
from collections.abc import Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from lipkit.config import PrepareConfig
from lipkit.corpora.record import ClipRecord
from lipkit.data.clips import ClipFile, PreparedClip, write_clip
from lipkit.data.description import claim
from lipkit.data.ledger import enter, header_outcome
from lipkit.data.manifest import MANIFEST, Outcome, clip_file, one_line
from lipkit.data.sources import settings_text
from lipkit.data.spectrogram import log_mel
from lipkit.data.table import read_table
from lipkit.errors import Interrupted, LipkitError, UsageError
from lipkit.face.lips import crop, crop_boxes
from lipkit.files import owning, remove_leftovers
from lipkit.jobs.pool import Lost, each
from lipkit.jobs.progress import progress_bar, say
from lipkit.talker.camera import compressed
from lipkit.talker.face import Part
from lipkit.talker.takes import Take, rehearse


def record(take: Take, split: str) -> ClipRecord:
    """A take as a corpus lists it."""
    name = f"{take.speaker}/{take.name}"
    return ClipRecord(
        name, take.speaker, "synthetic", Path(name), split=split, sentence=take.sentence
    )


def draw(take: Take, config: PrepareConfig) -> PreparedClip:
    """The prepared clip of a take.

    Raises
    ------
    LipkitError
        When it cannot be said: see :func:`lipkit.talker.takes.rehearse`.
    """
    performance, voice = rehearse(take)
    performance = performance.at_25()
    points = performance.landmarks()
    boxes = crop_boxes(points, config)
    part = _around(boxes)
    corner = [part[1].start, part[0].start, 0]
    logmel = log_mel(performance.samples).astype(np.float16)
    exact = logmel.astype(np.float64)
    spoken = [[p.symbol, round(p.start, 4), round(p.end, 4)] for p in performance.phonemes]
    return PreparedClip(
        lips=crop(compressed(performance.frames(part), performance.camera), boxes - corner),
        logmel=logmel,
        landmarks=points,
        box=boxes,
        meta={
            "corpus": "synthetic",
            "speaker": take.speaker,
            "source": "drawn",
            "settings": settings_text(config),
            "take": take.key,
            "notes": "",
            "logmel_sum": repr(float(exact.sum())),
            "logmel_squares": repr(float(np.square(exact).sum())),
            "text": performance.text,
            "voice": voice,
            "times": take.times,
            "phonemes": json.dumps(spoken),
        },
    )


def _around(boxes: np.ndarray) -> Part:
    """Rows and columns of the frame that hold all boxes: nothing else need be drawn."""
    low = np.floor((boxes[:, :2] - boxes[:, 2:] / 2).min(0)).astype(int) - 3
    high = np.ceil((boxes[:, :2] + boxes[:, 2:] / 2).max(0)).astype(int) + 4
    (left, top), (right, bottom) = np.maximum(low, 0), high
    return slice(int(top), int(bottom)), slice(int(left), int(right))


@dataclass(frozen=True)
class _Store:
    """Draws takes of one person and writes them; sent to a worker."""

    out: Path
    split: str
    config: PrepareConfig

    def __call__(self, takes: list[Take]) -> list[Outcome]:
        return [self._one(take) for take in takes]

    def _one(self, take: Take) -> Outcome:
        path = self.out / clip_file(record(take, self.split))
        try:
            clip = draw(take, self.config)
        except LipkitError as error:
            path.unlink(missing_ok=True)
            return Outcome(reason=one_line(str(error)))
        write_clip(path, clip)
        sums = float(clip.meta["logmel_sum"]), float(clip.meta["logmel_squares"])
        return Outcome(clip.frames, "", "", *sums)

    def kept(self, take: Take) -> Outcome | None:
        """The outcome of an earlier run, if its clip is whole and the same."""
        try:
            file = ClipFile(self.out / clip_file(record(take, self.split)))
            same = file.meta["take"] == take.key and file.meta["settings"] == settings_text(
                self.config
            )
            return header_outcome(file) if same else None
        except (LipkitError, KeyError, ValueError):
            return None


def write_set(
    out: str | os.PathLike,
    takes: Sequence[Take],
    split: str = "train",
    config: PrepareConfig | None = None,
    workers: int | None = None,
    progress: bool = True,
) -> Path:
    """Draw the takes of a plan into the prepared set ``out``; one that was begun is continued.

    Raises
    ------
    UsageError
        When ``out`` holds something else, people of another seed, or one of the clips in another
        split, or when there is nothing to draw.
    LipkitError
        When nothing can be written, another command is at work there, a process died, or
        Ctrl-C stopped the work. What is whole stays.
    """
    config = config or PrepareConfig()
    if not takes:
        raise UsageError("there is nothing to draw; ask for a person and a clip at least")
    out = Path(os.path.abspath(out))
    with owning(out):
        _fill(_Store(out, split, config), takes, workers, progress)
    return out


def _fill(work: _Store, takes: Sequence[Take], workers: int | None, progress: bool) -> None:
    out, split, config = work.out, work.split, work.config
    claim(out, "synthetic", config)
    _refuse_mixture(out, takes, split)
    remove_leftovers(out)
    outcomes: dict[Take, Outcome] = {take: old for take in takes if (old := work.kept(take))}
    batches = _batches([take for take in takes if take not in outcomes])
    workers = 0 if workers == 1 or len(batches) < 2 else workers
    bar = progress_bar(
        total=len(takes), initial=len(outcomes), unit="clip", desc="synth", shown=progress
    )
    try:
        with bar, closing(each(work, batches, workers=workers)) as results:
            for batch, result in results:
                if isinstance(result, Lost):
                    raise LipkitError(f"{out}: {result.reason}; run again with fewer workers")
                outcomes.update(zip(batch, result, strict=True))
                bar.update(len(batch))
    except KeyboardInterrupt:
        raise Interrupted(
            f"{out}: stopped; {len(outcomes)} of {len(takes)} clips are done, "
            "run the same again to continue"
        ) from None
    remove_leftovers(out)  # of processes that died and whose work was done again
    clips = sorted(
        ((record(take, split), outcomes[take]) for take in takes), key=lambda c: c[0].clip_id
    )
    for remark in enter(out, "synthetic", config, clips).remarks:
        say(remark)


def _refuse_mixture(out: Path, takes: Sequence[Take], split: str) -> None:
    """A speaker's name says nothing of the seed, and a clip's name nothing of its split."""
    seed = takes[0].seed
    for path in (out / "clips" / takes[0].speaker).glob("*.safetensors"):
        try:
            other = json.loads(ClipFile(path).meta["take"])[3]
        except (LipkitError, KeyError, ValueError, IndexError, TypeError):
            continue  # not drawn into the set, or broken
        if other != seed:
            raise UsageError(
                f"{out}: holds people of seed {other}, whose names those of seed {seed} would "
                f"take; give --seed {other}, or another folder"
            )
        break
    if not (out / MANIFEST).is_file():
        return
    table = read_table(out / MANIFEST)
    splits = dict(zip(table.ids, table.texts["split"].objects(), strict=True))
    for take in takes:
        known = record(take, split)
        if (there := splits.get(known.clip_id)) not in (None, split):
            raise UsageError(
                f"{out}: {known.clip_id} is in its split {there!r} already; draw {split!r} with "
                "other sentences (--held-out), or into another folder"
            )


def _batches(takes: list[Take]) -> list[list[Take]]:
    """The clips of one person together: a process paints a face once and keeps it."""
    by_person: dict[int, list[Take]] = {}
    for take in takes:
        by_person.setdefault(take.person, []).append(take)
    return list(by_person.values())
