"""Constants of time, sound and pictures, the same everywhere."""

FPS = 25
"""Video frames per second; every input is converted to it by time stamp."""
SAMPLE_RATE = 44_100
"""Audio samples per second (fact sheet 1.4)."""
SAMPLES_PER_FRAME = SAMPLE_RATE // FPS
"""1,764 samples of audio belong to one frame."""
COLUMNS_PER_FRAME = 4
"""Log-mel columns per frame, 10 ms apart."""
MEL_BANDS = 128
MEL_FMAX = 16_000
"""Hz; upper edge of the highest mel band (fact sheet 1.4)."""
N_FFT = 1024
HOP = SAMPLES_PER_FRAME // COLUMNS_PER_FRAME
"""441 samples between log-mel columns. The authors' 512 does not divide a frame."""
WINDOW = 16
"""Frames per window: 0.64 s (fact sheet 1.2)."""
LIP_SIZE = 64
"""Height and width of a lip image, pixels."""
