"""The main job, once and on a small scale: from nothing to a talking picture and all notebooks.

The stages are kept apart, so that a second run repeats only what is incomplete, was made by
other code or settings, or builds on something that was made anew.
"""

import os
import time
from pathlib import Path
from typing import Any

import numpy as np

from lipkit.config import FPS
from lipkit.config.places import NOTEBOOKS
from lipkit.course.demo_page import write_demo_page
from lipkit.course.kernels import Kernels
from lipkit.course.lesson import CACHE_VARIABLE
from lipkit.course.notebooks import read_parameters
from lipkit.course.runner import made_by_notebook
from lipkit.course.syllabus import COURSE, Lesson
from lipkit.errors import UsageError
from lipkit.files import replacing
from lipkit.jobs.cores import share_of_cores
from lipkit.jobs.stages import Stage, run_stages
from lipkit.models.catalogue import network_of
from lipkit.presets import Preset
from lipkit.presets import preset as find_preset
from lipkit.provenance import made_by_function

SPEAKERS, CLIPS = 3, 14
"""Few people with many sentences each: as much as four minutes of training can learn."""
TALKER, STRANGER = 0, 30
"""Who talks at the end, by index: one person from the training set, and one whom no weights
have seen."""
SPEECH = "place green with k seven please"
SHIPPED = ("paper", "plus")
"""The weights that come with the kit: the paper's model talks first, ours beside it."""
BEGUN = "paper_third"
"""What training goes on from unless a preset is named: the paper's model after a third of the
training of ``paper``. From nothing, four minutes end in worse than frozen lips."""
GOING_ON = {
    "train.start": BEGUN,
    "train.steps": 300,
    "train.warmup_steps": 20,
    "data.augment": False,
    "flow.steps": 20,
    "loss.perc.steps": 20,
}
"""Settings of ``paper_few_steps`` for minutes on three people."""
NOTEBOOKS_AT_A_TIME = 2


def run_demo(
    out: str | Path, preset_name: str | None = None, minutes: float = 4.0, seed: int = 0
) -> Path:
    """Do everything in the folder ``out`` and return its page, ``out/index.html``.

    Parameters
    ----------
    out
        A new folder, or that of an earlier demo.
    preset_name
        The sizes of training, which then begins from nothing, and of the notebooks; most take
        long without a GPU. None: training goes on from :data:`BEGUN`, and the notebooks have
        their own sizes.
    minutes
        Wall-clock budget of training.

    Raises
    ------
    UsageError
        When ``out`` holds something else, or the preset's network draws no lips.
    LipkitError
        When a stage fails; the next run goes on from there.
    """
    out, began = Path(out), time.monotonic()
    changes = {"train.minutes": minutes, "train.seed": seed}
    if preset_name is None:
        preset = find_preset("paper_few_steps", GOING_ON | changes)
    else:
        preset = find_preset(preset_name, changes)
    if not network_of(preset.generator).draws:
        raise UsageError(
            f"--preset {preset_name}: predicts mouth points and draws no lips, so nothing would "
            "talk at the end; choose another preset"
        )
    lessons = [lesson for lesson in COURSE if lesson.is_here(NOTEBOOKS)]
    results = run_stages(out, _stages(out, preset, seed))
    print("notebooks:")
    kernels = Kernels()
    notebooks = _notebook_stages(out, preset_name, lessons, kernels)
    try:
        run_stages(out, notebooks, workers=NOTEBOOKS_AT_A_TIME, stop=kernels.end)
    finally:
        # A notebook that failed takes nothing away from what there is to see.
        whole = [n for n in lessons if (out / "notebooks" / f"{n.stem}.html").is_file()]
        page = write_demo_page(out, preset, whole, results)
    print(f"\ndone in {time.monotonic() - began:.0f} s; open {page}")
    return page


def _stages(out: Path, preset: Preset, seed: int) -> list[Stage]:
    """From nothing to a video; ``inputs`` are what decides a result besides a stage's needs."""
    return [
        Stage(
            "corpus",
            f"a synthetic corpus: {SPEAKERS} people, {CLIPS} clips each",
            ("corpus", "contact.png"),
            lambda: _make_corpus(out, seed),
            inputs=(made_by_function(_make_corpus), str(seed)),
        ),
        Stage(
            "prepared",
            "preparing it: lips, log-mel, landmarks",
            ("prepared",),
            lambda: _prepare(out, preset, seed),
            inputs=(made_by_function(_prepare), repr(preset.prepare)),
            needs=("corpus",),
        ),
        Stage(
            "training",
            f"training the generator for {preset.train.minutes:g} minutes at most",
            ("training",),
            lambda: _train(out, preset),
            inputs=(made_by_function(_train), repr(preset)),
            needs=("prepared",),
        ),
        Stage(
            "talking",
            "talking pictures: a known person, and one who was not in training",
            ("talking",),
            lambda: _talk(out, seed),
            inputs=(made_by_function(_talk), str(seed)),
            needs=("training",),
        ),
    ]


def _notebook_stages(
    out: Path, preset_name: str | None, lessons: list[Lesson], kernels: Kernels
) -> list[Stage]:
    """One stage per notebook; none needs another."""
    stages = []
    for lesson in lessons:
        given = _notebook_parameters(lesson, preset_name)
        made = made_by_notebook(NOTEBOOKS / f"{lesson.stem}.ipynb", given)
        stages.append(
            Stage(
                lesson.stem,
                lesson.stem,
                (f"notebooks/{lesson.stem}.ipynb", f"notebooks/{lesson.stem}.html"),
                lambda lesson=lesson: _run_notebook(out, lesson, preset_name, kernels),
                inputs=(made, str(preset_name)),
            )
        )
    return stages


def _make_corpus(out: Path, seed: int) -> dict[str, Any]:
    from lipkit.talker import write_corpus

    write_corpus(out / "corpus", speakers=SPEAKERS, clips=CLIPS, seed=seed)
    _write_contact_sheet(out / "corpus", out / "contact.png")
    return {}


def _write_contact_sheet(corpus: Path, path: Path, moments: int = 6) -> None:
    """One row per person: their first clip at a few moments."""
    from lipkit.corpora import list_clips
    from lipkit.media import read_video

    rows = {}
    for record in list_clips("synthetic", corpus):
        if record.speaker not in rows:
            frames = read_video(record.video)[:, ::2, ::2]
            # Not the very ends, where the mouth is closed.
            chosen = np.linspace(0, len(frames) - 1, moments + 2).astype(int)[1:-1]
            rows[record.speaker] = np.concatenate(list(frames[chosen]), axis=1)
    _write_picture(path, np.concatenate(list(rows.values())))


def _prepare(out: Path, preset: Preset, seed: int) -> dict[str, Any]:
    from lipkit.corpora import list_clips
    from lipkit.data.prepare import prepare

    records = list_clips("synthetic", out / "corpus", protocol="seen", seed=seed)
    summary = prepare(records, out / "prepared", preset.prepare, corpus="synthetic")
    return {"ok": summary.ok, "failed": summary.failed}


def _train(out: Path, preset: Preset) -> dict[str, Any]:
    from lipkit.training import train

    result = train(out / "prepared", preset, out / "training", resume=True)
    return {"step": result.step, "loss": result.loss, "metrics": result.metrics}


def _talk(out: Path, seed: int) -> dict[str, Any]:
    """A new sentence from one still picture: of a known person, and of a stranger."""
    from lipkit.generation import generate
    from lipkit.media import read_video, write_audio, write_video
    from lipkit.talker import person, still, talking_clip

    folder = out / "talking"
    talk = talking_clip(TALKER, SPEECH, seed)
    _write_picture(folder / "portrait.png", still(person(TALKER, seed)))
    _write_picture(folder / "stranger_portrait.png", still(person(STRANGER, seed)))
    write_audio(folder / "speech.wav", talk.samples)
    write_video(folder / "truth.mp4", talk.frames, talk.samples)
    known, stranger = folder / "portrait.png", folder / "stranger_portrait.png"
    heard, trained = folder / "speech.wav", out / "training"
    generate(known, heard, folder / "lips.mp4", trained)
    result = generate(known, heard, folder / "talking.mp4", trained, paste_back=True)
    generate(stranger, heard, folder / "stranger.mp4", trained, paste_back=True)
    for weights in SHIPPED:
        generate(known, heard, folder / f"talking_{weights}.mp4", weights, paste_back=True)
        generate(stranger, heard, folder / f"stranger_{weights}.mp4", weights, paste_back=True)
    for video in folder.glob("*.mp4"):
        frames = read_video(video)
        _write_picture(video.with_suffix(".png"), frames[len(frames) // 2])
    return {"seconds": result.frames / FPS, "realtime": result.realtime}


def _run_notebook(
    out: Path, lesson: Lesson, preset_name: str | None, kernels: Kernels
) -> dict[str, Any]:
    from lipkit.course.runner import run_notebook

    source = NOTEBOOKS / f"{lesson.stem}.ipynb"
    given = _notebook_parameters(lesson, preset_name)
    # What notebooks make for themselves stays in the demo's folder too.
    cache = os.environ.get(CACHE_VARIABLE) or str((out / "cache").resolve())
    run_notebook(
        source,
        given,
        out / "notebooks" / source.name,
        progress=False,
        html=True,
        variables={CACHE_VARIABLE: cache, **share_of_cores(NOTEBOOKS_AT_A_TIME)},
        kernels=kernels,
    )
    return {}


def _notebook_parameters(lesson: Lesson, preset_name: str | None) -> dict[str, Any]:
    known = read_parameters(NOTEBOOKS / f"{lesson.stem}.ipynb")
    return {"preset": preset_name} if preset_name and "preset" in known else {}


def _write_picture(path: Path, picture: np.ndarray) -> None:
    import cv2

    # Encoded in memory: cv2.imwrite fails on some non-ASCII paths.
    _, data = cv2.imencode(".png", picture[..., ::-1])
    with replacing(path) as temporary:
        temporary.write_bytes(data.tobytes())
