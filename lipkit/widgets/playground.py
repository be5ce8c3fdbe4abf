"""Type, speak or bring a recording, choose a face, and watch it talk (notebooks 00 and 08)."""

import html
import re
import tempfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import NamedTuple

import ipywidgets
import numpy as np

from lipkit.config import FPS, SAMPLES_PER_FRAME
from lipkit.errors import LipkitError, UsageError
from lipkit.face.landmarks import FaceLandmarks
from lipkit.generation import (
    LogMel,
    find_lips,
    for_inference,
    generate_frames,
    read_picture,
    read_speech,
    talking_picture,
)
from lipkit.settings import did_you_mean
from lipkit.talker import speak
from lipkit.weights import Weights
from lipkit.widgets.file_drop import FileDrop
from lipkit.widgets.live import LiveTalk
from lipkit.widgets.microphone import Microphone
from lipkit.widgets.shown import Interactive, player

MOST_SECONDS = 20
"""A longer recording is cut: a notebook is not the place for a long video."""
MOST_LETTERS = 300
"""About as much as is said in :data:`MOST_SECONDS`; a longer text is cut."""
VIEWS = ("face", "lips")
_LABEL = 6
"""Width of the words beside the controls, in em."""
ACCEPTED = "image/*,audio/*,video/*"
_OPTION = re.compile(r",? or add --[a-z].*$")
"""What a fault advises on the command line, where there is none."""
CONSENT = (
    "Pictures and voices stay on the machine that runs this notebook. "
    "Use only those of people who have agreed."
)


class Take(NamedTuple):
    """What was made of a face and a recording."""

    frames: np.ndarray
    """u8 [T, H, W, 3], at 25 frames per second."""
    samples: np.ndarray
    """f32 [T * 1764]."""


def talk(
    weights: Weights,
    picture: np.ndarray,
    samples: np.ndarray,
    view: str = "face",
    landmarks: FaceLandmarks | None = None,
) -> Take:
    """Let a face say a recording.

    Parameters
    ----------
    weights
        Of a generator of pictures, with its card.
    picture
        u8 [H, W, 3] with a face in it.
    samples
        f32 [N], mono, 44,100 samples per second, in [-1, 1]; cut after :data:`MOST_SECONDS`
        and padded with silence to whole frames.
    view
        ``face``: the lips are put back into the picture; ``lips``: 64 x 64 lips alone.
    landmarks
        dlib's detector and predictor; None makes them.

    Raises
    ------
    UsageError
        For another view, or a recording without a sample.
    LipkitError
        When no face is found, or it is too small.

    >>> import numpy as np
    >>> from lipkit.talker import person, still
    >>> from lipkit.weights import load_weights
    >>> silence = np.zeros(2 * 1764, np.float32)  # two frames
    >>> take = talk(load_weights("paper"), still(person(0)), silence, view="lips")
    >>> take.frames.shape, take.samples.shape
    ((2, 64, 64, 3), (3528,))
    """
    if view not in VIEWS:
        raise UsageError(f"view {view!r} is unknown; {did_you_mean(view, VIEWS)}")
    samples = np.asarray(samples, np.float32)[: MOST_SECONDS * FPS * SAMPLES_PER_FRAME]
    if len(samples) == 0:
        raise UsageError("the recording is empty; give one of speech")
    samples = np.pad(samples, (0, -len(samples) % SAMPLES_PER_FRAME))
    generator, card = weights
    lips = find_lips(picture, card.preset.prepare, landmarks or FaceLandmarks(), "the picture")
    logmel = LogMel(samples, card)
    fast = for_inference(generator)
    if view == "face":
        frames = talking_picture(fast, picture, lips, logmel)
    else:
        frames = generate_frames(fast, lips.image, logmel)
    return Take(np.stack(list(frames)), samples)


class Playground(Interactive):
    """Face, recording and view above the video of :func:`talk`.

    ``face``, ``recording`` and ``view`` are the controls; a sentence that is typed into
    ``typed`` is said by the kit's own voice, and played, when Enter is pressed; ``files`` takes
    pictures and recordings, ``microphone`` records, ``go`` starts, ``stage`` shows the
    video and ``message`` says what went wrong. While ``live`` is ticked, the face on ``screen``
    says what the microphone hears as soon as it can (:class:`~lipkit.generation.SpeechStream`).

    Parameters
    ----------
    weights
        As for :func:`talk`.
    faces
        Name -> u8 [H, W, 3].
    recordings
        Name -> f32 [N], 44,100 samples per second.

    Raises
    ------
    UsageError
        Without a face or without a recording.

    >>> import numpy as np
    >>> from lipkit.talker import person, still
    >>> from lipkit.weights import load_weights
    >>> faces, sounds = {"person 0": still(person(0))}, {"silence": np.zeros(1764, np.float32)}
    >>> playground = Playground(load_weights("paper"), faces, sounds)
    >>> playground.face.options, playground.recording.value, playground.view.options
    (('person 0',), 'silence', ('face', 'lips'))
    """

    sentence = "A playground: run this cell in JupyterLab to use it."

    def __init__(
        self,
        weights: Weights,
        faces: Mapping[str, np.ndarray],
        recordings: Mapping[str, np.ndarray],
    ) -> None:
        if not faces or not recordings:
            raise UsageError("give the playground at least one face and one recording")
        self._weights, self._landmarks = weights, FaceLandmarks()
        self._faces, self._recordings = dict(faces), dict(recordings)
        wide = {"description_width": f"{_LABEL}em"}
        self.face = ipywidgets.Dropdown(options=list(faces), description="face", style=wide)
        self.recording = ipywidgets.Dropdown(
            options=list(recordings), description="recording", style=wide
        )
        self.view = ipywidgets.Dropdown(options=VIEWS, description="view", style=wide)
        self.typed = ipywidgets.Text(
            placeholder="type a sentence and press Enter",
            description="sentence",
            continuous_update=False,
            style=wide,
            layout=ipywidgets.Layout(width="34em"),
        )
        self.files = FileDrop(self.take_file, "drop a picture or a recording, or click", ACCEPTED)
        self.microphone = Microphone(
            self.take_voice, self.refuse_voice, MOST_SECONDS, self.hear_voice
        )
        self.live = ipywidgets.Checkbox(description="while I speak", indent=False)
        ipywidgets.jslink((self.live, "value"), (self.microphone, "live"))
        self._talking: LiveTalk | None = None
        self._deaf = False
        """Whether the rest of a live speech is ignored, because it began with a fault."""
        self.go = ipywidgets.Button(description="talk", button_style="primary")
        self.message, self.stage = ipywidgets.HTML(), ipywidgets.HTML()
        self.screen = ipywidgets.Image(
            format="jpeg", layout=ipywidgets.Layout(display="none", max_width="360px")
        )
        super().__init__(
            [
                self.typed,
                self.face,
                self.recording,
                _row("voice", self.microphone, self.live),
                _row("files", self.files),
                ipywidgets.HBox([self.view, self.go]),
                ipywidgets.HTML(CONSENT),
                self.message,
                self.screen,
                self.stage,
            ]
        )
        self.typed.observe(self.say_typed, names="value")
        self.go.on_click(self.play)

    def say_typed(self, change: object = None) -> None:
        """Let the kit's own voice say what was typed, and play it."""
        text = " ".join(self.typed.value.split())[:MOST_LETTERS]
        if not text:
            return
        try:
            speech = speak(text)
        except LipkitError as fault:
            self._refuse(fault)
            return
        pause = np.zeros(FPS // 5 * SAMPLES_PER_FRAME, np.float32)
        samples = np.concatenate([pause, speech.samples, pause])
        self._keep(text, samples, self._recordings, self.recording)
        self.play()

    def take_file(self, name: str, kind: str, content: bytes) -> None:
        """Put a picture among the faces, anything else among the recordings, and choose it."""
        # Browsers know no type for the pictures of some telephones.
        if kind.startswith("image/") or Path(name).suffix.lower() in (".heic", ".heif", ".avif"):
            self._take(name, content, read_picture, self._faces, self.face)
        else:
            self._take_sound(name, content)

    def take_voice(self, sound: bytes) -> None:
        """Put what the microphone heard among the recordings and choose it."""
        self._take_sound(self._voice_name(), sound)

    def hear_voice(self, piece: np.ndarray, rate: float) -> None:
        """Show what the next piece of a live speech makes possible; an empty one ends it."""
        if not self._deaf:
            try:
                self._answer(piece, rate)
            except LipkitError as fault:
                self._refuse(fault)
                self._talking, self._deaf = None, True
        self._deaf = self._deaf and len(piece) > 0

    def _answer(self, piece: np.ndarray, rate: float) -> None:
        last = len(piece) == 0
        if self._talking is None:
            if last:
                return
            self._talking = self._begin(rate)
        for frame in self._talking.hear(piece, last):
            self.screen.value = frame
        if last:
            talking, self._talking = self._talking, None
            name = self._voice_name()
            self._keep(name, talking.samples, self._recordings, self.recording)
            self._say(f"{name} is taken; {talking.summary()}")

    def _begin(self, rate: float) -> LiveTalk:
        picture = self._faces[self.face.value]
        config = self._weights.card.preset.prepare
        lips = find_lips(picture, config, self._landmarks, "the picture")
        self._say("listening …")
        self.screen.layout.display = None
        whole = picture if self.view.value == "face" else None
        return LiveTalk(self._weights, lips, whole, rate)

    def _voice_name(self) -> str:
        taken = sum(name.startswith("my voice") for name in self._recordings)
        return f"my voice {taken + 1}"

    def refuse_voice(self, fault: str) -> None:
        """Say why the browser recorded nothing."""
        self._say(f"no recording: {fault}; allow the microphone, or bring a file")

    def play(self, button: object = None) -> None:
        """Make and show the video of what the controls say; the button calls this."""
        self._say("generating …")
        picture, samples = self._faces[self.face.value], self._recordings[self.recording.value]
        try:
            take = talk(self._weights, picture, samples, self.view.value, self._landmarks)
        except LipkitError as fault:
            self._refuse(fault)
            return
        alt = f"{self.face.value} says: {self.recording.value}"
        self.stage.value = player(*take, alt)
        self._say(f"{len(take.frames) / FPS:.1f} s of synthetic video; say so when you show it")

    def _take_sound(self, name: str, content: bytes) -> None:
        self._take(name, content, _read_samples, self._recordings, self.recording)

    def _take(
        self,
        name: str,
        content: bytes,
        read: Callable[[Path], np.ndarray],
        known: dict[str, np.ndarray],
        control: ipywidgets.Dropdown,
    ) -> None:
        with tempfile.TemporaryDirectory() as folder:
            # The upload's own name may hold characters that a file name must not.
            path = Path(folder) / f"upload{Path(name).suffix}"
            path.write_bytes(content)
            try:
                item = read(path)
            except LipkitError as fault:
                self._refuse(fault, path, name)
                return
        self._keep(name, item, known, control)
        self._say(f"{name} is taken")

    def _keep(
        self,
        name: str,
        item: np.ndarray,
        known: dict[str, np.ndarray],
        control: ipywidgets.Dropdown,
    ) -> None:
        known[name] = item
        control.options = list(known)
        control.value = name

    def _refuse(self, fault: LipkitError, path: Path | None = None, name: str = "") -> None:
        text = str(fault) if path is None else str(fault).replace(str(path), name)
        self._say(_OPTION.sub("", text))

    def _say(self, text: str) -> None:
        self.message.value = html.escape(text)


def _row(label: str, *items: ipywidgets.DOMWidget) -> ipywidgets.HBox:
    """Widgets without a description, below those that have one."""
    right = ipywidgets.Layout(
        width=f"{_LABEL}em", margin="2px 6px 2px 2px", display="flex", justify_content="flex-end"
    )
    layout = ipywidgets.Layout(align_items="center")
    return ipywidgets.HBox([ipywidgets.Label(label, layout=right), *items], layout=layout)


def _read_samples(path: Path) -> np.ndarray:
    speech = read_speech(path)
    return speech[: min(len(speech), MOST_SECONDS * FPS * SAMPLES_PER_FRAME)]
