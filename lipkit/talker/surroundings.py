"""Sound from life: rooms, telephones, microphones, noise, levels.

Each is a function of samples f32 or f64 [N] at 44.1 kHz and a generator of random numbers, and
gives as many samples back. :func:`somewhere` strings them together by lot.
"""

import io

import av
import numpy as np
import soxr
from scipy.signal import butter, fftconvolve, sosfilt

from lipkit.config import SAMPLE_RATE


def somewhere(samples: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """The sound as some device in some place records it, f32 [N], at a level of its own."""
    heard = np.asarray(samples, np.float64)
    if rng.random() < 0.4:
        heard = room(heard, rng)
    if rng.random() < 0.6:
        heard = microphone(heard, rng)
    if rng.random() < 0.45:
        heard = band(heard, 30.0, float(rng.choice([4000, 5500, 7000, 7900, 7900, 11000])))
    elif rng.random() < 0.1:
        heard = telephone(heard, rng)
    heard = noise(heard, rng, decibels=float(rng.uniform(12, 60)))
    heard = level(heard, float(rng.uniform(-24, -1)))
    if rng.random() < 0.3:
        name = str(rng.choice(list(CODECS)))
        heard = coded(heard, name, int(rng.choice([12, 16, 24, 32, 48])) * 1000)
    return heard


def room(samples: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Echoes of a room: noise that dies away within 0.1 to 0.6 s behind the direct sound."""
    seconds = float(rng.uniform(0.1, 0.6))
    count = int(seconds * SAMPLE_RATE)
    tail = rng.standard_normal(count) * 10 ** (-3 * np.arange(count) / count)
    first = int(rng.uniform(0.002, 0.012) * SAMPLE_RATE)
    tail[:first] = 0
    tail = band(tail, 100.0, float(rng.uniform(3000, 9000)))
    share = 10 ** (float(rng.uniform(-16, -3)) / 20)
    tail *= share / np.sqrt((tail**2).sum())
    tail[0] = 1.0
    return fftconvolve(samples, tail)[: len(samples)]


def microphone(samples: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """A frequency response that wanders by some decibels between low and high."""
    knots = np.array([50.0, 200, 500, 1200, 3000, 7000, 16000])
    heights = rng.normal(0, 4, len(knots))
    spectrum = np.fft.rfft(samples)
    frequency = np.maximum(np.fft.rfftfreq(len(samples), 1 / SAMPLE_RATE), 20)
    gain = np.interp(np.log(frequency), np.log(knots), heights)
    return np.fft.irfft(spectrum * 10 ** (gain / 20), len(samples))


def telephone(samples: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """300 to 3,400 Hz, eight bits on a logarithmic scale."""
    narrow = band(samples, 300.0, 3400.0)
    peak = np.abs(narrow).max() + 1e-9
    squeezed = np.sign(narrow) * np.log1p(255 * np.abs(narrow) / peak) / np.log(256)
    squeezed = np.round(squeezed * 127) / 127
    return np.sign(squeezed) * (256 ** np.abs(squeezed) - 1) / 255 * peak


def band(samples: np.ndarray, low: float, high: float) -> np.ndarray:
    """What lies between two frequencies, Hz."""
    return sosfilt(butter(4, [low, high], "bandpass", fs=SAMPLE_RATE, output="sos"), samples)


def noise(samples: np.ndarray, rng: np.random.Generator, decibels: float) -> np.ndarray:
    """Noise so far below the speech: white to brown, steady or swelling."""
    count = len(samples)
    spectrum = np.fft.rfft(rng.standard_normal(count))
    frequency = np.maximum(np.fft.rfftfreq(count, 1 / SAMPLE_RATE), 40)
    spectrum *= frequency ** -float(rng.uniform(0, 1))
    hum = np.fft.irfft(spectrum, count)
    swell = np.interp(np.linspace(0, 1, count), np.linspace(0, 1, 6), rng.uniform(0.4, 1, 6))
    hum *= swell
    loud = np.sqrt(np.mean(samples**2)) + 1e-9
    return samples + hum * (loud / np.sqrt(np.mean(hum**2)) * 10 ** (-decibels / 20))


CODECS = {"libopus": "ogg", "aac": "mp4"}
"""Encoder -> its container."""


def coded(samples: np.ndarray, encoder: str, bits: int) -> np.ndarray:
    """What is left of the sound at so many bits per second, f32 [N], in its place in time."""
    rate = 48_000 if encoder == "libopus" else SAMPLE_RATE
    sound = soxr.resample(np.asarray(samples, np.float32), SAMPLE_RATE, rate)
    file = io.BytesIO()
    with av.open(file, "w", format=CODECS[encoder]) as container:
        stream = container.add_stream(encoder, rate=rate, layout="mono")
        stream.bit_rate = bits
        frame = av.AudioFrame.from_ndarray(sound[None], format="flt", layout="mono")
        frame.sample_rate, frame.pts = rate, 0
        for packet in (*stream.encode(frame), *stream.encode(None)):
            container.mux(packet)
    file.seek(0)
    back = np.zeros(len(sound) + rate, np.float32)
    with av.open(file) as container:
        resampler = av.AudioResampler("flt", "mono", rate)
        for decoded in container.decode(audio=0):
            for part in resampler.resample(decoded):
                values = part.to_ndarray().reshape(-1)
                at = max(round(float((decoded.pts or 0) * decoded.time_base) * rate), 0)
                values = values[: len(back) - at]
                back[at : at + len(values)] = values
    found = soxr.resample(back, rate, SAMPLE_RATE)[: len(samples)]
    return np.clip(found, -1, 1).astype(np.float32)


def level(samples: np.ndarray, decibels: float) -> np.ndarray:
    """Scaled so that its peak lies so far below full scale, f32."""
    return (samples * (10 ** (decibels / 20) / (np.abs(samples).max() + 1e-9))).astype(np.float32)
