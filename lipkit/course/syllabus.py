"""The course: its thirteen notebooks in order, and which of them are here."""

from dataclasses import dataclass
from pathlib import Path

from lipkit.config.places import NOTEBOOKS
from lipkit.course.runner import read_provenance


@dataclass(frozen=True)
class Lesson:
    """One notebook: its file's stem, what it teaches, how long a reader needs."""

    stem: str
    title: str
    question: str
    minutes: int
    lit: str | None = None
    """The box of the map (:data:`lipkit.plots.MAP_BOXES`) that it is about."""

    def is_here(self, folder: Path = NOTEBOOKS) -> bool:
        """Whether the notebook's file exists."""
        return (folder / f"{self.stem}.ipynb").is_file()

    @property
    def name(self) -> str:
        """Number and title, as the notebook's heading has them."""
        return f"{self.stem[:2]} · {self.title}"

    @property
    def link(self) -> str:
        """The name as a Markdown link to the file."""
        return f"[{self.name}]({self.stem}.ipynb)"

    @property
    def solutions(self) -> str:
        """The file with the solutions of its exercises, as the lesson sees it."""
        return f"solutions/{self.stem}.ipynb"

    @property
    def solutions_link(self) -> str:
        """The line below a lesson's exercises that leads to their solutions."""
        return f"When you have tried: [the solutions, worked out]({self.solutions})."


COURSE = (
    Lesson("00_start_here", "Start here", "What is this about, and is my machine ready?", 20),
    Lesson(
        "01_data_preparation",
        "Data preparation",
        "How does a video file become tensors that can be trusted?",
        45,
        "data",
    ),
    Lesson(
        "02_derivative_correlation",
        "Derivative correlation",
        "Do lips and speech change together, and who leads?",
        40,
        "data",
    ),
    Lesson(
        "03_encoders",
        "Encoders",
        "What is kept of the speech, and what of the face?",
        40,
        "audio_encoder",
    ),
    Lesson(
        "04_fusion_and_generator",
        "Fusion and generator",
        "How do a sound and a picture become one video?",
        45,
        "fusion",
    ),
    Lesson(
        "05_correlation_loss",
        "Correlation loss",
        "Can a network be rewarded for moving with the sound?",
        45,
        "correlation",
    ),
    Lesson(
        "06_discriminators_and_gan",
        "Discriminators and GAN",
        "Who judges whether a talking mouth is real?",
        45,
        "discriminator",
    ),
    Lesson("07_training", "Training", "How do the four losses work together?", 40, "losses"),
    Lesson(
        "08_generation",
        "Generation",
        "How do I make any face say any recording?",
        30,
        "video",
    ),
    Lesson("09_metrics", "Metrics", "What do LMD, SSIM, PSNR, CPBD measure?", 50, "video"),
    Lesson("10_baselines", "Baselines", "What did others do, and what do frozen lips score?", 40),
    Lesson("11_ablation", "Ablation", "Which loss is worth how much?", 40, "losses"),
    Lesson("12_comparison", "Comparison", "Where do we stand against the paper's tables?", 40),
)


def table(folder: Path = NOTEBOOKS) -> str:
    """The course as a Markdown table; only notebooks that exist are linked.

    The last column is what :func:`lipkit.course.runner.store` measured when it stored the notebook.
    """
    lines = [
        "| notebook | the question | minutes to read | seconds to run |",
        "|:--|:--|--:|--:|",
    ]
    for lesson in COURSE:
        name, seconds = lesson.name, "not written yet"
        if lesson.is_here(folder):
            stored = read_provenance(folder / f"{lesson.stem}.ipynb")
            name, seconds = lesson.link, stored.get("core_seconds", "–")
        lines.append(f"| {name} | {lesson.question} | {lesson.minutes} | {seconds} |")
    return "\n".join(lines)


def ways_on(stem: str) -> str:
    """Markdown links from a notebook to the one before it, to the list and to the one after.

    Files need not exist, so that no notebook changes when another is added.
    """
    place = [lesson.stem for lesson in COURSE].index(stem)
    links = [f"[all notebooks]({COURSE[0].stem}.ipynb)"] if place else []
    if place:
        links.insert(0, f"← {COURSE[place - 1].link}")
    if place + 1 < len(COURSE):
        links.append(f"{COURSE[place + 1].link} →")
    return " | ".join(links)
