"""Files with flashes and clicks at known times, for the tests of reading and writing."""

from fractions import Fraction

import av
import numpy as np

from lipkit.config import SAMPLE_RATE

NTSC = Fraction(30000, 1001)
EVENTS = (0.5, 1.013, 1.235, 1.739, 2.337, 2.58)
"""Times, s, of flash and click, at various places within a frame."""
SECONDS = 3
TICK = Fraction(1, 90000)


def burst(times, rate, seconds=SECONDS, shift=0.0):
    """A short tone burst centred at each time, float32 [seconds * rate]."""
    t = np.arange(round(seconds * rate)) / rate + shift
    sound = np.zeros(len(t))
    for x in times:
        sound += 0.8 * np.exp(-0.5 * ((t - x) / 0.001) ** 2) * np.cos(2 * np.pi * 1500 * (t - x))
    return sound.astype(np.float32)


def burst_time(samples, near):
    """Centre of the sound's energy within 30 ms of ``near``, s."""
    first = round((near - 0.03) * SAMPLE_RATE)
    power = samples[first : round((near + 0.03) * SAMPLE_RATE)].astype(float) ** 2
    return float((first + (power * np.arange(len(power))).sum() / power.sum()) / SAMPLE_RATE)


def write_events(
    path,
    video="libx264",
    audio="aac",
    *,
    fps=Fraction(25),
    rate=44100,
    layout="stereo",
    events=EVENTS,
    starts=None,
    size=(64, 48),
    audio_start=0.0,
    video_start=0.0,
    audio_seconds=SECONDS,
    audio_gap=(0.0, 0.0),
):
    """Write a file in which every event is a white flash and a click.

    A picture is white when it is on screen within 20 ms of an event. ``starts`` gives the
    pictures' times when they do not come at a steady rate. No sound is written that
    begins within ``audio_gap``.
    """
    with av.open(f"file:{path}", "w") as container:
        # All streams come before the first data.
        pictures = (
            container.add_stream(video, rate=fps, options={"threads": "1"}) if video else None
        )
        sound = container.add_stream(audio, rate=rate, layout=layout) if audio else None
        if pictures:
            pictures.width, pictures.height = size
            pictures.pix_fmt = "yuvj420p" if video == "mjpeg" else "yuv420p"
            if starts is None:
                starts = [i / fps for i in range(int(SECONDS * fps))]
            else:
                pictures.codec_context.time_base = TICK
            _write_flashes(container, pictures, starts, events, video_start)
        if sound:
            clicks = burst(events, rate, audio_seconds, shift=audio_start - video_start)
            _write_sound(container, sound, clicks, round(audio_start * rate), audio_gap)
    return path


def _write_flashes(container, stream, starts, events, video_start):
    for start, end in zip(starts, [*starts[1:], SECONDS], strict=True):
        white = any(float(start) < x + 0.02 and float(end) > x - 0.02 for x in events)
        grey = np.full((stream.height, stream.width, 3), 235 if white else 20, np.uint8)
        picture = av.VideoFrame.from_ndarray(grey, format="rgb24")
        picture.time_base = stream.codec_context.time_base or 1 / stream.codec_context.framerate
        picture.pts = round((start + Fraction(video_start)) / picture.time_base)
        container.mux(stream.encode(picture))
    container.mux(stream.encode(None))


def _write_sound(container, stream, samples, first, gap):
    context = stream.codec_context
    rate, layout = context.sample_rate, context.layout
    frame = av.AudioFrame.from_ndarray(
        np.repeat(samples[None], layout.nb_channels, 0).copy(), format="fltp", layout=layout.name
    )
    frame.sample_rate, frame.pts, frame.time_base = rate, 0, Fraction(1, rate)
    fifo = av.AudioFifo()
    for converted in av.AudioResampler(context.format, layout, rate).resample(frame):
        fifo.write(converted)
    while piece := fifo.read(context.frame_size or 1024, partial=True):
        piece.pts = (piece.pts or 0) + first
        if not gap[0] <= piece.pts / rate < gap[1]:
            container.mux(stream.encode(piece))
    container.mux(stream.encode(None))


def white_frames(frames):
    """Indices of the white frames."""
    return [t for t, frame in enumerate(frames) if frame.mean() > 128]
