"""What every notebook needs besides its subject: options, a corpus to open, a video to show.

The functions here are for cells of notebooks; nothing else in the package imports them.
"""

import math
import os
import platform
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from filelock import FileLock

import lipkit
from lipkit import config, presets, provenance
from lipkit.corpora import find_corpus
from lipkit.corpora.record import ClipRecord
from lipkit.errors import LipkitError, UsageError
from lipkit.settings import Settings, bounded, did_you_mean
from lipkit.talker.sentences import SENTENCES

if TYPE_CHECKING:
    from IPython.display import HTML

    from lipkit.data.prepared import PreparedSet

CACHE_VARIABLE = "LIPKIT_CACHE"
VIDEO_CRF, VIDEO_AUDIO_BITS = 30, 20_000
"""Three seconds at 180 x 144 then take about 20 KB, and a notebook stays under 300 KB."""
SYNTHETIC_SPEAKERS, SYNTHETIC_CLIPS = 3, 4
"""Size of the corpus that is made where none is given: 12 clips, a few seconds' work."""
FEW_CLIPS = 12
"""As many are prepared without worker processes."""


@dataclass(frozen=True)
class LessonConfig(Settings):
    """What a notebook's parameters cell can say about its data."""

    preset: str = field(default="tiny", metadata={"help": "sizes of this run"})
    corpus: str = field(default="synthetic", metadata={"help": "a name in lipkit.corpora.CORPORA"})
    data_root: str = field(default="", metadata={"help": "the corpus's folder"})
    clip: str = field(default="", metadata={"help": "clip id; empty for the first"})
    clips: int = bounded(12, low=2, help="how many clips are prepared")
    prepared: str = field(default="", metadata={"help": "a prepared set; empty makes one"})
    seed: int = bounded(0, low=0)

    def __post_init__(self) -> None:
        super().__post_init__()
        find_corpus(self.corpus)
        if self.corpus != "synthetic" and not self.data_root:
            raise UsageError(f"corpus={self.corpus!r} needs data_root, the folder that holds it")
        if self.corpus == "synthetic" and not (self.data_root or self.prepared):
            most = SYNTHETIC_SPEAKERS * SENTENCES
            if self.clips > most:
                raise UsageError(
                    f"clips={self.clips}: the synthetic corpus has at most {most:,}; ask for fewer"
                )
        # An unknown preset is refused here, not some cells later.
        presets.preset(self.preset)

    @property
    def stages(self) -> presets.Preset:
        """All stages of the chosen preset."""
        return presets.preset(self.preset)


def versions() -> str:
    """One line: what these outputs were made with."""
    names = ("numpy", "torch", "librosa", "opencv-python", "dlib-bin", "matplotlib")
    parts = [f"lipkit {lipkit.__version__}", f"Python {platform.python_version()}"]
    for name in names:
        try:
            parts.append(f"{name} {version(name)}")
        except ImportError:
            # conda's dlib and opencv carry other distribution names.
            continue
    return " · ".join(parts)


def cache_folder() -> Path:
    """Where notebooks keep what they make: ``$LIPKIT_CACHE``, else ``~/.cache/lipkit``."""
    return Path(os.environ.get(CACHE_VARIABLE) or Path.home() / ".cache" / "lipkit")


def open_corpus(options: LessonConfig) -> list[ClipRecord]:
    """The clips that the options name, sorted by id; the synthetic corpus is made if absent.

    Raises
    ------
    LipkitError
        When the folder is not there or holds no clip.
    """
    from lipkit.corpora import list_clips

    if options.data_root:
        root = Path(options.data_root).expanduser()
        if not root.is_dir():
            raise LipkitError(f"{root}: no such folder; give data_root the corpus's folder")
    else:
        each = max(SYNTHETIC_CLIPS, math.ceil(options.clips / SYNTHETIC_SPEAKERS))
        root = synthetic_corpus(options.seed, each)
    records = list_clips(options.corpus, root)
    if not options.data_root:
        # A lesson that asked for more clips may have enlarged the corpus.
        records = _first_of_each_speaker(records, root, each, options.seed)
    if not records:
        raise LipkitError(f"{root}: holds no {options.corpus} clip; check corpus and data_root")
    return records


def prepared_set(options: LessonConfig, held_out: int = 0) -> "PreparedSet":
    """The set that the options name, or ``clips`` clips of their corpus, prepared and kept.

    The clips are spread evenly over the corpus. Equal options give equal clips; only the
    first notebook that asks for a clip takes the time, in whatever set. With ``held_out``, that
    many of each speaker's clips, the last ones, are split ``val`` and the others ``train``; at
    least one clip of each speaker stays in ``train``. A set that the options name keeps its own
    splits.

    Raises
    ------
    LipkitError
        As :func:`open_corpus`, for a folder that is not a prepared set, and where the cache
        cannot be written.
    """
    from lipkit.course import clip_store
    from lipkit.data.prepare import prepare
    from lipkit.data.prepared import PreparedSet

    if options.prepared:
        return PreparedSet.open(options.prepared)
    records = open_corpus(options)
    count = min(options.clips, len(records))
    chosen = [records[i * len(records) // count] for i in range(count)]
    if held_out:
        chosen = _split(chosen, held_out)
    made_by, config = _made_by(options), options.stages.prepare
    folder = cache_folder() / f"prepared-{options.corpus}-{_mark(made_by, chosen)}"
    store = cache_folder() / f"clips-{options.corpus}-{_mark(made_by)}"
    # For a few clips, starting processes takes longer than the clips themselves.
    workers = 0 if len(chosen) <= FEW_CLIPS else None
    how = {"corpus": options.corpus, "workers": workers, "progress": False}
    with kept(folder):
        if not folder.exists():
            clip_store.lend(store, folder, chosen, config)
        prepare(chosen, folder, config, **how)
        clip_store.keep(store, folder, chosen)
    return PreparedSet.open(folder)


def _split(records: list[ClipRecord], held_out: int) -> list[ClipRecord]:
    speakers: dict[str, list[str]] = {}
    for record in records:
        speakers.setdefault(record.speaker, []).append(record.clip_id)
    val = {clip for ids in speakers.values() for clip in ids[1:][-held_out:]}
    return [replace(r, split="val" if r.clip_id in val else "train") for r in records]


@contextmanager
def kept(folder: Path) -> Iterator[None]:
    """When several notebooks run at once, one makes the folder and the others wait."""
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        with FileLock(f"{folder}.lock"):
            yield
    except OSError as error:
        reason = error.strerror or type(error).__name__
        raise LipkitError(
            f"{folder}: cannot be made ({reason}); set {CACHE_VARIABLE} to a folder of yours"
        ) from None


def _made_by(options: LessonConfig) -> str:
    """A digest that differs for other settings, code or landmark model."""
    from lipkit.face.landmark_model import find_landmark_model

    model = find_landmark_model().stat()
    model_file = f"{model.st_size} {model.st_mtime_ns}"
    return provenance.digest(preparing_code(), repr(options.stages.prepare), model_file)


def _mark(made_by: str, records: Sequence[ClipRecord] = ()) -> str:
    """A mark that differs for other recordings or splits, and for whatever made them."""
    made = [f"{r.clip_id} {r.split} {r.video} {r.video.stat().st_mtime_ns}" for r in records]
    return provenance.digest(made_by, *made)[:12]


def drawing_code(package: Path = provenance.PACKAGE) -> str:
    """A digest of all code and tables that have a part in drawing the synthetic corpus."""
    return provenance.made_by("lipkit.talker.corpus", package=package)


def preparing_code(package: Path = provenance.PACKAGE) -> str:
    """A digest of all code that has a part in preparing clips, constants included."""
    return provenance.made_by("lipkit.data.prepare", package=package)


def synthetic_corpus(seed: int = 0, clips: int = SYNTHETIC_CLIPS) -> Path:
    """The folder of the notebooks' own synthetic corpus, with ``clips`` or more of each speaker.

    Made on first use, in about a second per clip.
    """
    from lipkit.talker import write_corpus

    # Clips of a face drawn by other code must not be mixed with these.
    out = cache_folder() / f"synthetic-{drawing_code()[:8]}-seed{seed}"
    with kept(out):
        return write_corpus(
            out, speakers=SYNTHETIC_SPEAKERS, clips=clips, seed=seed, progress=False
        )


def _first_of_each_speaker(
    records: list[ClipRecord], root: Path, clips: int, seed: int
) -> list[ClipRecord]:
    from lipkit.talker.corpus import plan

    wanted = {
        f"s{job.speaker + 1}/{job.name}" for job in plan(root, SYNTHETIC_SPEAKERS, clips, seed)
    }
    return [record for record in records if record.clip_id in wanted]


def choose(records: list[ClipRecord], clip: str = "") -> ClipRecord:
    """The record called ``clip``, or the first that has video and a transcript."""
    if clip:
        found = {r.clip_id: r for r in records}
        if clip not in found:
            raise UsageError(f"clip {clip!r} is unknown; {did_you_mean(clip, found)}")
        return found[clip]
    return next((r for r in records if r.words and not r.note), records[0])


@dataclass(frozen=True, eq=False)
class Truth:
    """What the synthetic talker knows of a clip."""

    phonemes: list[tuple[str, float, float]]
    """Symbol, start and end in seconds; pauses left out."""
    opening: np.ndarray
    """f32 [T], pixels."""
    landmarks: np.ndarray
    """f32 [T, 68, 2], pixels."""


def read_truth(record: ClipRecord) -> Truth | None:
    """Read the truth file of a synthetic clip; None for a clip of real people."""
    if record.truth is None or not record.truth.is_file():
        return None
    return read_truth_file(record.truth)


def read_truth_file(path: Path) -> Truth:
    """Read the truth of a clip of the synthetic talker."""
    with np.load(path) as file:
        timed = zip(file["symbols"], file["starts"], file["ends"], strict=True)
        phonemes = [(str(p), float(a), float(b)) for p, a, b in timed if str(p) != "_"]
        return Truth(phonemes, file["opening"], file["landmarks"])


def click_clip(times: list[float], seconds: float) -> tuple[np.ndarray, np.ndarray]:
    """A test film: grey, with one white frame and one click of 3 ms at each time.

    Returns frames u8 [T, 72, 96, 3] and samples f32 [T * 1764].
    """
    count = round(seconds * config.FPS)
    frames = np.full((count, 72, 96, 3), 60, np.uint8)
    samples = np.zeros(count * config.SAMPLES_PER_FRAME, np.float32)
    click = np.random.default_rng(0).uniform(-0.9, 0.9, round(0.003 * config.SAMPLE_RATE))
    for time in times:
        # A time given as 0.2 must not fall into frame 4 by rounding.
        frames[int(time * config.FPS + 1e-6)] = 255
        first = round(time * config.SAMPLE_RATE)
        samples[first : first + len(click)] = click
    return frames, samples


def video(frames: np.ndarray, samples: np.ndarray, alt: str, width: int = 360) -> "HTML":
    """A player with picture and sound (H.264 and AAC), small enough to be stored.

    ``frames`` u8 [T, H, W, 3] at 25 per second, ``samples`` f32 [T * 1764]; ``alt`` is read
    out by screen readers; ``width`` is in notebook pixels.
    """
    from IPython.display import HTML

    from lipkit.plots.players import video_html

    return HTML(video_html(frames, samples, alt, width, VIDEO_CRF, VIDEO_AUDIO_BITS))


def shrink(frames: np.ndarray, factor: int) -> np.ndarray:
    """Frames u8 [T, H, W, 3] reduced by a whole factor (means of blocks)."""
    t, height, width, _ = frames.shape
    height, width = height // factor * factor, width // factor * factor
    blocks = frames[:, :height, :width].reshape(
        t, height // factor, factor, width // factor, factor, 3
    )
    return blocks.mean(axis=(2, 4)).round().astype(np.uint8)
