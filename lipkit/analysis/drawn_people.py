"""The drawn people measured: their sounds, the times of heard phonemes, mouths, faces, speed.

Each function writes one or two tables (CSV) into a folder; ``data_scripts/
measure_drawn_people.py`` calls them.
"""

import csv
import re
import time
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from lipkit.analysis.articulation import LEFT, LOWER, RIGHT, UPPER, marks, table
from lipkit.analysis.heard_times import Pair, pair, summary, word_errors
from lipkit.analysis.phonetics import sounds
from lipkit.config import FPS, PrepareConfig
from lipkit.errors import LipkitError
from lipkit.files import replacing
from lipkit.talker import crowd, english, sentences
from lipkit.talker.speech import Phoneme, speak
from lipkit.talker.takes import Manners, grid_lines, plan, rehearse

if TYPE_CHECKING:
    from lipkit.face.landmarks import FaceLandmarks

SEED = 77
"""Of the people and sentences that are measured; no corpus has them."""
CLEAN = Manners(sound="clean", camera="clean")


def measure_sounds(out: Path, count: int = 2000) -> None:
    """``phonemes.csv`` and ``diphones.csv``: everyday English beside GRID, so many sentences."""
    everyday = sounds(english.sentence(number) for number in range(count))
    grid = sounds(
        s.text for speaker in range(count // 20) for s in sentences.choose(speaker, 20, SEED)
    )
    rows = [
        {
            "phoneme": symbol,
            "english": everyday.phonemes[symbol],
            "english_first": everyday.first[symbol],
            "english_last": everyday.last[symbol],
            "grid": grid.phonemes[symbol],
            "grid_first": grid.first[symbol],
            "grid_last": grid.last[symbol],
        }
        for symbol in sorted(set(everyday.phonemes) | set(grid.phonemes))
    ]
    write_table(out / "phonemes.csv", rows)
    rows = [
        {
            "source": name,
            "sentences": found.sentences,
            "words": len(found.words),
            "phonemes": len(found.phonemes),
            "diphones": len(found.diphones),
            "diphones_5_times": sum(n >= 5 for n in found.diphones.values()),
            "diphones_20_times": sum(n >= 20 for n in found.diphones.values()),
        }
        for name, found in (("english", everyday), ("grid", grid))
    ]
    write_table(out / "diphones.csv", rows)


def measure_times(
    out: Path,
    grid: Path,
    clips: int | None = None,
    recordings: Path | None = None,
    keep: Path | None = None,
    count: int = 120,
) -> None:
    """``times.csv``: heard phonemes against espeak's exact ones, GRID's words, and, where there
    are ``recordings`` with known words, what is heard without them against the alignment, s."""
    rows = _guessed(recordings, keep) if recordings else []
    for how in ("aligned", "recognised", "loop"):
        found = summary(p for number in range(count) for p in _heard_again(number, how))
        rows += [
            {"against": "espeak", "how": how, "class": name, **row} for name, row in found.items()
        ]
    errors = np.abs(
        [
            error
            for record, heard in real_clips(grid, clips, keep)
            for error in word_errors(record.words, heard.words)
        ]
    )
    row = {
        "count": float(len(errors)),
        "as_its_class": "",
        "median_s": float(np.median(errors)),
        "p90_s": float(np.percentile(errors, 90)),
    }
    rows.append({"against": "GRID s1", "how": "aligned", "class": "word edges", **row})
    write_table(out / "times.csv", rows)


def _guessed(folder: Path, keep: Path | None, count: int = 60) -> list[dict[str, Any]]:
    """How well words that must be guessed, or none, replace words that are known."""
    from lipkit.media import read_audio
    from lipkit.talker import listening
    from lipkit.talker.recordings import find_recordings

    pairs: dict[str, list[Pair]] = {"recognised": [], "loop": []}
    known = [r for r in find_recordings(folder) if r.words]
    for recording in known[:: max(len(known) // count, 1)]:
        try:
            true = listening.hear_file(recording.path, recording.words, keep)
        except listening.Unfit:
            continue
        sound = read_audio(recording.path)
        pairs["recognised"] += pair(true.phonemes, listening.hear(sound).phonemes)
        pairs["loop"] += pair(true.phonemes, listening.hear_phonemes(sound).phonemes)
    return [
        {"against": "human, aligned", "how": how, "class": name, **row}
        for how, some in pairs.items()
        for name, row in summary(some).items()
    ]


def _heard_again(number: int, how: str) -> list[Pair]:
    from lipkit.talker import listening

    text = english.sentence(number)
    voice = crowd.voice(np.random.default_rng([number, 9]), bool(number % 2))
    said = speak(text, voice)
    words = re.sub(r"[^a-z' ]", "", text.lower())
    try:
        if how == "loop":
            heard = listening.hear_phonemes(said.samples)
        else:
            heard = listening.hear(said.samples, words if how == "aligned" else "")
    except listening.Unfit:
        return []
    return pair(said.phonemes, heard.phonemes)


def real_clips(
    grid: Path, clips: int | None = None, keep: Path | None = None
) -> Iterable[tuple[Any, Any]]:
    """(record, heard) of s1's training clips whose words can be aligned; ``keep`` as in
    :func:`lipkit.talker.listening.hear_file`."""
    from lipkit.corpora import list_clips
    from lipkit.talker.listening import Unfit, hear_file

    records = [r for r in list_clips("grid", grid, protocol="file") if r.split == "s1_train"]
    if not records:
        raise LipkitError(f"{grid}: has no split s1_train; add splits/s1_train.txt")
    for record in records[:clips]:
        try:
            heard = hear_file(record.video, record.transcript or "", keep)
        except Unfit:
            continue
        yield record, heard


def measure_mouths(
    out: Path, grid: Path, clips: int | None = None, keep: Path | None = None, count: int = 60
) -> None:
    """``mouths.csv`` and ``motion.csv``: real and drawn mouths as dlib sees both, and the truth."""
    from lipkit.face.landmarks import FaceLandmarks
    from lipkit.media import read_clip

    model = FaceLandmarks()
    views: dict[str, list[tuple[np.ndarray, Sequence[Phoneme]]]] = {
        "real": [],
        "drawn": [],
        "truth": [],
    }
    for record, heard in real_clips(grid, clips, keep):
        _add(views["real"], lambda r=record: read_clip(r.video).frames, heard.phonemes, model)
    # The first sentence of each is common to all.
    for take in plan(count, 2, SEED, lines=grid_lines(SEED), manners=CLEAN)[1::2]:
        said, _ = rehearse(take)
        _add(views["drawn"], lambda s=said: np.stack(list(s.frames())), said.phonemes, model)
        views["truth"].append((said.landmarks(), said.phonemes))
    rows = []
    for view, some in views.items():
        for viseme, row in table(marks(points, spoken) for points, spoken in some).items():
            rows.append({"view": view, "class": viseme, **row})
    write_table(out / "mouths.csv", rows)
    write_table(out / "motion.csv", [{"view": v, **_motion(some)} for v, some in views.items()])


def _add(
    views: "list[View]",
    frames: Callable[[], np.ndarray],
    spoken: Sequence[Phoneme],
    model: "FaceLandmarks",
) -> None:
    """What dlib sees; a clip whose face it loses is left out (see :func:`measure_people`)."""
    from lipkit.face.landmarks import track

    with suppress(LipkitError):
        views.append((track(frames(), model).points, spoken))


View = tuple[np.ndarray, Sequence[Phoneme]]
"""Landmarks f32 [T, 68, 2] of a clip, and what is said in it."""


def _motion(views: Sequence[View]) -> dict[str, float]:
    """Percentiles of opening, width and speed over all frames, mouth widths."""
    opening, width, speed = [], [], []
    for points, _ in views:
        wide = np.linalg.norm(points[:, RIGHT] - points[:, LEFT], axis=1)
        gap = np.linalg.norm(points[:, LOWER] - points[:, UPPER], axis=1) / np.median(wide)
        opening.append(gap)
        width.append(wide / np.median(wide))
        speed.append(np.abs(np.diff(gap)) * FPS)
    row: dict[str, float] = {"clips": float(len(views))}
    for name, values in (("opening", opening), ("width", width), ("speed", speed)):
        whole = np.concatenate(values)
        row |= {f"{name}_p{q}": float(np.percentile(whole, q)) for q in (5, 25, 50, 75, 95)}
    return row


def measure_people(out: Path, count: int = 300) -> None:
    """``people.csv``: does dlib find the faces, follow the mouths, and tell the people apart?"""
    from lipkit.face.landmarks import FaceLandmarks

    model = FaceLandmarks()
    frames = found = 0
    correlations, shapes = [], []
    for take in plan(count, 1, SEED):
        said = rehearse(take)[0].at_25()
        points = said.landmarks()
        # Every fourth frame, each searched anew: a tracked face could hide a lost one.
        chosen = list(range(0, len(points), 4))
        pictures = [frame for i, frame in enumerate(said.frames()) if i in chosen]
        seen = []
        for picture in pictures:
            frames += 1
            faces = model.detect(picture, upsample=0) or model.detect(picture, upsample=1)
            found += len(faces) == 1
            seen.append(model.points(picture, faces[0].box) if faces else None)
        pairs = [(a, points[i]) for a, i in zip(seen, chosen, strict=True) if a is not None]
        if len(pairs) > 4:
            gaps = np.array([[np.linalg.norm(p[LOWER] - p[UPPER]) for p in two] for two in pairs])
            correlations.append(float(np.corrcoef(gaps.T)[0, 1]))
        half = len(pairs) // 2
        shapes.append([_shape([a for a, _ in part]) for part in (pairs[:half], pairs[half:])])
    first, second = (np.array([s[i] for s in shapes]) for i in (0, 1))
    spread = first.std(0) + 1e-6
    apart = np.linalg.norm((first[:, None] - second[None]) / spread, axis=2)
    row = {
        "people": count,
        "frames": frames,
        "found_once": found / frames,
        "opening_r_median": float(np.median(correlations)),
        "opening_r_p10": float(np.percentile(correlations, 10)),
        "recognised_by_points": float((apart.argmin(1) == np.arange(count)).mean()),
        "chance": 1 / count,
    }
    write_table(out / "people.csv", [row])


def _shape(views: Sequence[np.ndarray]) -> np.ndarray:
    """A face's points without place, size and roll, jaw to eyes (mouths move), f64 [96]."""
    p = np.median(views, axis=0)[:48].astype(float)
    p = p - p.mean(0)
    across = p[42:48].mean(0) - p[36:42].mean(0)
    angle = np.arctan2(across[1], across[0])
    turn = np.array([[np.cos(angle), np.sin(angle)], [-np.sin(angle), np.cos(angle)]])
    return (p @ turn.T / np.linalg.norm(across)).reshape(-1)


def measure_speed(out: Path, people: int = 6) -> None:
    """``speed.csv``: seconds of one core's work, by the process's own clock."""
    from lipkit.data.drawn import draw
    from lipkit.talker.face import Face

    rows = []
    takes = plan(people, 3, SEED)
    start = time.process_time()
    for take in takes[::3]:
        Face(crowd.anybody(take.person, SEED)).layers  # noqa: B018  painted when asked for
    rows.append(("paint a person", (time.process_time() - start) / people, "s"))
    spent = frames = 0.0
    for take in takes:
        said = rehearse(take)[0]
        next(said.frames())
        start = time.process_time()
        frames += sum(1 for _ in said.frames())
        spent += time.process_time() - start
    rows.append(("draw whole frames", frames / spent, "frames/s"))
    spent = frames = 0.0
    for take in takes[1::3] + takes[2::3]:
        rehearse(take)[0].face.layers  # noqa: B018  painted outside of the time
        start = time.process_time()
        frames += draw(take, PrepareConfig()).frames
        spent += time.process_time() - start
    rows.append(("draw a prepared clip, sound and points included", frames / spent, "frames/s"))
    write_table(out / "speed.csv", [{"what": w, "value": v, "unit": u} for w, v, u in rows])


def write_table(path: Path, rows: Sequence[dict[str, Any]]) -> None:
    """Write rows of equal keys as CSV, numbers with four significant digits."""
    with replacing(path) as temporary, open(temporary, "w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, list(rows[0]), lineterminator="\n")
        writer.writeheader()
        for row in rows:
            writer.writerow({k: f"{v:.4g}" if isinstance(v, float) else v for k, v in row.items()})
