"""Constants, and the settings of the stages that belong to no one part."""

from lipkit.config.constants import (
    COLUMNS_PER_FRAME,
    FPS,
    HOP,
    LIP_SIZE,
    MEL_BANDS,
    MEL_FMAX,
    N_FFT,
    SAMPLE_RATE,
    SAMPLES_PER_FRAME,
    WINDOW,
)
from lipkit.config.groups import DataConfig, PrepareConfig, TrainConfig

__all__ = [
    "COLUMNS_PER_FRAME",
    "FPS",
    "HOP",
    "LIP_SIZE",
    "MEL_BANDS",
    "MEL_FMAX",
    "N_FFT",
    "SAMPLES_PER_FRAME",
    "SAMPLE_RATE",
    "WINDOW",
    "DataConfig",
    "PrepareConfig",
    "TrainConfig",
]
