"""Sound as the network of a card heard it in training: level, axes, normalisation."""

from collections.abc import Iterable

import numpy as np
from torch import Tensor

from lipkit.config import COLUMNS_PER_FRAME, MEL_BANDS
from lipkit.data.level import NOTHING, SpeechLevel, relative
from lipkit.data.tensors import normalise, scramble
from lipkit.weights import Card


def hear(columns: np.ndarray, card: Card, level: np.ndarray, lift: bool = False) -> Tensor:
    """Columns of whole frames of a recording, [4n, 128] dB -> f32 [4n, 128], normalised.

    Parameters
    ----------
    card:
        Of the weights.
    level:
        [128] dB of the recording's speech; empty where the network hears it as it is, or where
        nothing is said (:func:`level_of`).
    lift:
        Raise each band to what it falls to between words in training (``card.quiet``).
        Microphones never record nothing, so a network trained on recordings has not met digital
        silence (-100 dB), as speech synthesis and noise gates make it, and answers it with any
        mouth. Lifted, it is the pause that the network knows; louder sound stays as it is.
    """
    columns = relative(columns, level, card.statistics)
    if lift and card.quiet and (card.level or not len(level)):
        # Relative to the usual level, as the columns are to theirs.
        usual = card.level if len(level) else ()
        columns = np.maximum(columns, relative(card.quiet, usual, card.statistics))
    if card.preset.data.mel_axes == "scrambled":
        columns = scramble(columns)
    return normalise(columns, card.statistics)


def level_of(pieces: Iterable[np.ndarray], card: Card) -> np.ndarray:
    """What a recording, in pieces [n, 128] dB, is heard relative to: f32 [128] dB.

    Empty where the network hears it as it is (no piece is looked at then), and where nothing is
    said.
    """
    if card.preset.data.level == "set":
        return NOTHING
    level = SpeechLevel()
    for piece in pieces:
        level.add(piece)
    return level.bands


def hear_whole(logmel: np.ndarray, card: Card) -> Tensor:
    """A whole recording, [4T, 128] dB -> f32 [4T, 128], as the network heard its training clips.

    Frames of sound that the card shifts beyond the recording repeat its last ones.
    """
    frames = np.asarray(logmel).reshape(-1, COLUMNS_PER_FRAME, MEL_BANDS)
    heard = (np.arange(len(frames)) + card.preset.data.sound_shift).clip(0, len(frames) - 1)
    return hear(frames[heard].reshape(-1, MEL_BANDS), card, level_of([logmel], card))
