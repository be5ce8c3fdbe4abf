"""Speech encoder of the warp generator: log-mel -> one code for every video frame."""

from torch import Tensor, nn

from lipkit.config import COLUMNS_PER_FRAME, MEL_BANDS

COLUMN_DILATIONS = (1, 2)
"""Residual layers on log-mel columns, 10 ms apart."""
FRAME_DILATIONS = (1, 2, 4, 2, 1)
"""Residual layers on frames, 40 ms apart."""


class SpeechEncoder(nn.Module):
    """1-D convolutions over time; the mel bands are the channels of the input.

    Half a second of sound on either side of a frame decides its mouth: coarticulation, and in
    GRID's small vocabulary the word itself. Two layers work on log-mel columns, then four
    columns become one frame, then five layers work on frames with growing and shrinking
    dilation. Normalisation is over the channels of one instant alone, so that a chunk of a
    long recording gives the same codes as the whole.

    Parameters
    ----------
    features:
        Channels of the code.
    dropout:
        Share of channels dropped in training after each layer.
    """

    def __init__(self, features: int = 256, dropout: float = 0.1) -> None:
        super().__init__()
        columns = features * 3 // 4
        self.stem = nn.Conv1d(MEL_BANDS, columns, 3, padding=1)
        self.columns = nn.Sequential(*(TimeLayer(columns, d, dropout) for d in COLUMN_DILATIONS))
        self.to_frames = nn.Conv1d(columns, features, COLUMNS_PER_FRAME, COLUMNS_PER_FRAME)
        self.frames = nn.Sequential(*(TimeLayer(features, d, dropout) for d in FRAME_DILATIONS))

    @property
    def context(self) -> int:
        """Frames on each side of a frame that its code hears."""
        columns = 1 + sum(COLUMN_DILATIONS)
        return -(-columns // COLUMNS_PER_FRAME) + sum(FRAME_DILATIONS)

    def forward(self, logmel: Tensor) -> Tensor:
        """Log-mel [B, 1, 4T, 128], normalised -> codes [B, C, T]."""
        if logmel.dim() != 4 or logmel.shape[2] == 0 or logmel.shape[2] % COLUMNS_PER_FRAME:
            raise ValueError(
                f"log-mel of shape {list(logmel.shape)}; expected [B, 1, 4T, 128] with T >= 1"
            )
        x = self.columns(self.stem(logmel[:, 0].transpose(1, 2)))
        return self.frames(self.to_frames(x))


class TimeLayer(nn.Module):
    """x + W * GELU(norm(conv(x))): kernel 3 with a dilation, then a mix of channels."""

    def __init__(self, features: int, dilation: int, dropout: float) -> None:
        super().__init__()
        self.conv = nn.Conv1d(features, features, 3, padding=dilation, dilation=dilation)
        self.norm = nn.LayerNorm(features)
        self.mix = nn.Sequential(
            nn.GELU(), nn.Dropout(dropout), nn.Linear(features, features), nn.Dropout(dropout)
        )

    def forward(self, x: Tensor) -> Tensor:
        """[B, C, T] -> the same shape."""
        change = self.mix(self.norm(self.conv(x).transpose(1, 2)))
        return x + change.transpose(1, 2)
