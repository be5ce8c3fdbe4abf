"""What the demo's page shows and says."""

import datetime
import platform
from pathlib import Path
from typing import Any

import lipkit
from lipkit.course.site import Media, Page, Section, extract_figures, write_page
from lipkit.course.syllabus import Lesson
from lipkit.files import replacing
from lipkit.presets import Preset


def write_demo_page(
    out: Path, preset: Preset, lessons: list[Lesson], results: dict[str, dict[str, Any]]
) -> Path:
    """Write ``out/index.html`` and its figures from what the stages left in ``out``."""
    trained, talked = results["training"], results["talking"]
    facts = {
        "made": datetime.date.today().isoformat(),
        "preset": preset.name,
        "clips prepared": str(results["prepared"]["ok"]),
        "training steps": str(trained["step"]),
        "generation": f"{talked['realtime']:.1f} x real time",
        "machine": f"Python {platform.python_version()}, {platform.machine()}",
    }
    if preset.train.start:
        facts["training"] = f"goes on from the weights {preset.train.start}"
    if trained["metrics"]:
        ours, frozen = trained["metrics"]["val_l1"], trained["metrics"]["val_l1_frozen"]
        facts["validation error"] = f"{ours:.3f} (frozen lips {frozen:.3f})"
    sections = [
        Section(
            "A talking picture",
            "One still picture and a new sentence, made into a video, with the sentence's "
            "true video beside it. Two kinds of weights come with the kit: paper, the paper's own "
            "model, which draws the lips anew in 64 x 64 pixels, and plus, ours, which moves the "
            f"picture's own pixels. The third model was trained here a moment ago{_begun(preset)}, "
            "in minutes and on three people. No model has seen the stranger. Every face and voice "
            "is synthetic.",
            (
                Media("talking/portrait.png", "The picture that goes in"),
                _video("talking_paper", "The paper's model: generated lips in the picture"),
                _video("talking_plus", "The same by plus, our model"),
                _video("talking", f"The same by {preset.name}, trained a moment ago"),
                _video("lips", f"The lips of {preset.name} alone, 64 x 64"),
                _video("truth", "The truth: the video of that recording"),
                Media("talking/stranger_portrait.png", "A stranger's picture"),
                _video("stranger_paper", "The stranger made to say the same, by the paper's model"),
                _video("stranger_plus", "The same by plus"),
                _video("stranger", f"The same by {preset.name}"),
            ),
        ),
        Section(
            "Training",
            f"Each pair of rows is a window of a validation clip: the real lips, and what the "
            f"generator makes of the picture at the left and the sound after {trained['step']} "
            f"steps{_begun(preset)}. Such short training gives soft lips; that is expected.",
            _training_media(out),
            wide=True,
        ),
        Section(
            "The corpus",
            "Synthetic people with exact landmarks and phoneme times, found by the same detector "
            "as real faces.",
            (Media("contact.png", "Every person at six moments"),),
            wide=True,
        ),
    ]
    for lesson in lessons:
        figures = extract_figures(out / "notebooks" / f"{lesson.stem}.ipynb", out / "figures")
        if figures:
            sections.append(Section(f"From notebook {lesson.stem}", lesson.question, figures, True))
    page = Page(
        "lipkit demo",
        "From a speech recording and one picture of a face to the video of those lips saying it: "
        "everything below was made on this machine by one command.",
        sections,
        facts,
        [(lesson.title, lesson.question, f"notebooks/{lesson.stem}.html") for lesson in lessons],
        f"lipkit {lipkit.__version__}. Show generated video as what it is, and use only faces "
        "and voices whose owners consent.",
    )
    return write_page(page, out / "index.html")


def _begun(preset: Preset) -> str:
    start = preset.train.start
    return f", beginning with the weights {start} that come with the kit" if start else ""


def _video(name: str, caption: str) -> Media:
    return Media(f"talking/{name}.mp4", caption, poster=f"talking/{name}.png")


def _training_media(out: Path) -> tuple[Media, ...]:
    strips = sorted((out / "training" / "samples").glob("*.png"))
    _draw_losses(out / "training", out / "figures" / "loss.png")
    media = [Media("figures/loss.png", "The losses by step, each part that was on")]
    if strips:
        media.append(Media(f"training/samples/{strips[-1].name}", "Real above generated"))
    return tuple(media)


def _draw_losses(run: Path, path: Path) -> None:
    """Every loss that was on: which ones there are is the preset's choice."""
    from lipkit.plots.style import to_png
    from lipkit.plots.training import losses_figure
    from lipkit.training.run_folder import read_log

    with replacing(path) as temporary:
        temporary.write_bytes(to_png(losses_figure(read_log(run))))
