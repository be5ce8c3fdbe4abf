"""Leaf through the clips of a prepared set: frames, landmarks, sound (notebook 01)."""

import html
from collections.abc import Sequence

import ipywidgets
import numpy as np
from matplotlib.figure import Figure

from lipkit.config import FPS, SAMPLES_PER_FRAME
from lipkit.corpora.record import ClipRecord
from lipkit.data.clips import PreparedClip, read_clip
from lipkit.data.prepared import PreparedSet
from lipkit.errors import LipkitError, UsageError
from lipkit.face.lips import lip_points
from lipkit.face.mouth import mouth_opening
from lipkit.media import read_audio
from lipkit.plots.clips import clip_figure
from lipkit.settings import did_you_mean
from lipkit.widgets.shown import Interactive, picture, player

SPAN = 100
"""How many frames of sound are drawn; of a longer clip, those around the frame."""


def draw_clip(clip: PreparedClip, frame: int) -> Figure:
    """Lips and mouth points of one frame beside the sound, with the frame's time marked.

    Raises
    ------
    UsageError
        For a frame that the clip does not have.

    >>> from lipkit.course.assignments.data import prepared_clips  # drawn once, then kept
    >>> figure = draw_clip(prepared_clips(clips=2)[0], frame=30)
    >>> type(figure).__name__, len(figure.axes)
    ('Figure', 3)
    """
    _require_frame(clip, frame)
    first = int(np.clip(frame - SPAN // 2, 0, max(0, clip.frames - SPAN)))
    stop = min(clip.frames, first + SPAN)
    here = slice(frame, frame + 1)
    return clip_figure(
        clip.lips[frame],
        lip_points(clip.landmarks[here], clip.box[here])[0],
        clip.logmel[4 * first : 4 * stop].astype(np.float32),
        mouth_opening(clip.landmarks[first:stop]),
        frame,
        first,
    )


def describe_clip(clip: PreparedClip, frame: int) -> str:
    """What :func:`draw_clip` shows, in words for readers who cannot see it."""
    _require_frame(clip, frame)
    opening = mouth_opening(clip.landmarks)
    return (
        f"Frame {frame} of {clip.frames}, {frame / FPS:.2f} to {(frame + 1) / FPS:.2f} s: lips "
        f"with their points; the mouth is {opening[frame]:.1f} pixels open, where this clip "
        f"has {opening.min():.1f} to {opening.max():.1f}."
    )


def _require_frame(clip: PreparedClip, frame: int) -> None:
    if not 0 <= frame < clip.frames:
        raise UsageError(f"frame {frame}: the clip has frames 0 to {clip.frames - 1}")


def sound_of(clip: PreparedClip, record: ClipRecord | None = None) -> np.ndarray:
    """The clip's samples, f32 ``[T * 1764]``; a prepared clip itself keeps the log-mel only.

    They are read from the files of ``record`` or, without one, from the file that the clip was
    prepared from.

    Raises
    ------
    LipkitError
        When that file is gone or holds no sound.
    """
    source = clip.meta.get("source", "") if record is None else record.audio or record.video
    samples = read_audio(source)[: clip.frames * SAMPLES_PER_FRAME]
    return np.pad(samples, (0, clip.frames * SAMPLES_PER_FRAME - len(samples)))


class ClipBrowser(Interactive):
    """Speaker, clip and frame above the figure of :func:`draw_clip`, and a player.

    ``speaker``, ``clip`` and ``frame`` are the controls and ``picture`` shows the figure;
    ``play`` plays the whole clip with its sound on the ``stage``, and ``message`` says which
    clip it is, or why it is silent. The slider acts when it is released; arrow keys step
    through the frames.

    Parameters
    ----------
    prepared
        The set.
    clip
        A clip id; empty takes the first clip.
    frame
        The frame that is shown first, from 0.
    records
        Where the raw clips are now, if they have moved since they were prepared.

    Raises
    ------
    UsageError
        For a clip or frame that is not there.

    >>> from lipkit.course.assignments.data import prepared_set  # drawn once, then kept
    >>> browser = ClipBrowser(prepared_set(clips=2), frame=30)
    >>> browser.speaker.options, browser.frame.value, browser.frame.max
    (('s1', 's2'), 30, 74)
    """

    def __init__(
        self,
        prepared: PreparedSet,
        clip: str = "",
        frame: int = 0,
        records: Sequence[ClipRecord] = (),
    ) -> None:
        rows = prepared.clips()
        if clip and clip not in set(rows.clip_id):
            raise UsageError(f"clip {clip!r} is unknown; {did_you_mean(clip, rows.clip_id)}")
        self._folder, self._rows = prepared.folder, rows.set_index("clip_id")
        self._records = {record.clip_id: record for record in records}
        self._fitting = False
        clip = clip or rows.clip_id[0]
        wide = {"description_width": "4.5em"}
        self.speaker = ipywidgets.Dropdown(
            options=sorted(set(rows.speaker)),
            value=self._rows.speaker[clip],
            description="speaker",
            style=wide,
        )
        self.clip = ipywidgets.Dropdown(
            options=self._clips_of_speaker(), value=clip, description="clip", style=wide
        )
        self._opened = self._open()
        _require_frame(self._opened, frame)
        self.frame = ipywidgets.IntSlider(
            value=frame,
            min=0,
            max=self._opened.frames - 1,
            description="frame",
            continuous_update=False,
            style=wide,
            layout=ipywidgets.Layout(width="32em"),
        )
        self.play = ipywidgets.Button(description="play with sound", icon="play")
        self.picture, self.message, self.stage = (ipywidgets.HTML() for _ in range(3))
        super().__init__(
            [
                ipywidgets.HBox([self.speaker, self.clip]),
                ipywidgets.HBox([self.frame, self.play]),
                self.message,
                self.picture,
                self.stage,
            ]
        )
        self.speaker.observe(self.choose_speaker, names="value")
        self.clip.observe(self.choose_clip, names="value")
        self.frame.observe(self.redraw, names="value")
        self.play.on_click(self.show_video)
        self.choose_clip()

    def choose_speaker(self, change: object = None) -> None:
        """Offer the speaker's clips and open the first; the speaker's control calls this."""
        self._fitting = True
        self.clip.options = self._clips_of_speaker()
        self._fitting = False
        self.choose_clip()

    def choose_clip(self, change: object = None) -> None:
        """Open the clip and fit the slider to it; the clip's control calls this."""
        if self._fitting:
            return
        try:
            self._opened = self._open()
        except LipkitError as fault:
            self._say(str(fault))
            return
        row = self._rows.loc[self.clip.value]
        facts = [f"{row.frames} frames", f"split {row.split}" if row.split else "", row.notes]
        self._say(f"{self.clip.value}: {', '.join(filter(None, facts))}")
        self.stage.value = ""
        self._fitting = True
        with self.frame.hold_trait_notifications():
            last = self._opened.frames - 1
            self.frame.max, self.frame.value = last, min(self.frame.value, last)
        self._fitting = False
        self.redraw()

    def redraw(self, change: object = None) -> None:
        """Show the figure of the chosen frame; the slider calls this when it is changed."""
        if self._fitting:
            return
        choice = self._opened, self.frame.value
        self.picture.value = picture(draw_clip(*choice), describe_clip(*choice), photo=True)

    def show_video(self, button: object = None) -> None:
        """Play the whole clip; the button calls this."""
        try:
            samples = sound_of(self._opened, self._records.get(self.clip.value))
        except LipkitError as fault:
            samples = np.zeros(self._opened.frames * SAMPLES_PER_FRAME, np.float32)
            self._say(f"silent: {fault}")
        alt = f"The lips of {self.clip.value}"
        self.stage.value = player(self._opened.lips, samples, alt, width=234)

    def _clips_of_speaker(self) -> list[str]:
        return list(self._rows.index[self._rows.speaker == self.speaker.value])

    def _open(self) -> PreparedClip:
        return read_clip(self._folder / self._rows.file[self.clip.value])

    def _say(self, text: str) -> None:
        self.message.value = html.escape(text)
