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
    Lesson("00_start_here", "Start here", "What is this about, and is my machine ready?", 15),
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


STATIONS = (
    (
        ("data",),
        "Speech is cut into windows of 16 video frames (0.64 s), each a log-mel picture $s$ of "
        "64 time steps by 128 bands. The person is one lip image $p_r$ of 64 × 64 pixels.",
        "01",
    ),
    (
        ("audio_encoder", "identity_encoder"),
        "$s$ becomes $f_s$, which still has a time axis, $T \\times F$; $p_r$ becomes $f_p$ with "
        "two axes of space, $H \\times W$.",
        "03",
    ),
    (
        ("fusion", "decoder"),
        "How do you add a sound to a picture? Copy the sound along a new axis, copy the picture "
        "along time, see to it that $H = W = F$, and lay one on the other.",
        "04",
    ),
    (
        ("video",),
        "All 16 frames of $\\hat v$ are made in one pass, *at a glance*, none from the one before.",
        "08",
    ),
    (
        ("correlation",),
        "Lips and speech agree in how they *change*. So the change of the audio feature, $f'_s$, "
        "is compared with the optical flow $\\mathcal F(v)$, in a space that two small networks "
        "$\\phi_s$ and $\\phi_v$ learn.",
        "02 05",
    ),
    (
        ("discriminator",),
        "A second network sees sound, video and flow together. It learns to tell real from "
        "generated, and matching sound from somebody else's.",
        "06",
    ),
    (("losses",), "Their sum, below, is what training minimises.", "07"),
)
"""The map from left to right: its boxes, what happens there, the lessons that tell of it."""


def stations() -> str:
    """The way through the map as a Markdown table, with links to the lessons."""
    from lipkit.plots import MAP_BOXES

    files = {lesson.stem[:2]: f"[{lesson.stem[:2]}]({lesson.stem}.ipynb)" for lesson in COURSE}
    lines = ["| on the map | what happens there | notebook |", "|:--|:--|:--|"]
    for boxes, told, numbers in STATIONS:
        names = ", ".join(MAP_BOXES[box] for box in boxes)
        links = ", ".join(files[number] for number in numbers.split())
        lines.append(f"| **{names}** | {told} | {links} |")
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
