"""Linear probes: what a weighted sum can read off features, on clips never seen.

A probe says what features *offer* to the simplest possible reader. It says neither all that
is in them nor what a network does with them (Alain and Bengio, *Understanding intermediate layers
using linear classifier probes*, 2016). It is ridge regression: the weights w that minimise
|y - Xw|^2 + penalty |w|^2 over the training clips.
"""

from collections.abc import Callable, Sequence

import numpy as np

from lipkit.report.bootstrap import ends

PENALTIES = tuple(float(10.0**power) for power in np.arange(-4, 2.6, 0.5))
"""Penalties to choose from, per feature and training frame; every fourth training clip decides."""
_INNER = 4


def linear_probe(
    features: Sequence[np.ndarray], targets: Sequence[np.ndarray], held_out: Sequence[bool]
) -> list[np.ndarray]:
    """Predictions for the clips that are held out, by weights fitted on the others.

    Features are standardised by the training clips. The penalty is the one of
    :data:`PENALTIES` that predicts every fourth training clip best from the rest, so that
    the held-out clips decide nothing.

    Parameters
    ----------
    features
        One array per clip, ``[T, D]``.
    targets
        For the same clips, ``[T]`` or ``[T, K]``.
    held_out
        Whether a clip is predicted; the weights are fitted on the others, two or more.

    Returns
    -------
    list of np.ndarray
        For each clip held out, in their order, what its target should be: ``[T]`` or ``[T, K]``.

    Raises
    ------
    ValueError
        When clips and targets differ in number or length, or too few clips are left.

    >>> import numpy as np
    >>> rng = np.random.default_rng(0)
    >>> features = [rng.normal(size=(50, 3)) for clip in range(4)]
    >>> targets = [x @ np.array([1.0, -2.0, 0.5]) for x in features]
    >>> (predicted,) = linear_probe(features, targets, held_out=[False, False, False, True])
    >>> bool(np.abs(predicted - targets[3]).max() < 0.01)
    True
    """
    held_out = np.asarray(held_out, bool)
    lengths = [len(x) for x in features]
    if lengths != [len(y) for y in targets] or len(lengths) != len(held_out):
        raise ValueError("features, targets and held_out must be of the same clips and frames")
    fitted = np.flatnonzero(~held_out)
    if len(fitted) < 2 or not held_out.any():
        raise ValueError("a probe needs two clips to fit and one to predict")
    X = np.concatenate([np.asarray(features[i], np.float64) for i in fitted])
    Y = np.concatenate([np.asarray(targets[i], np.float64) for i in fitted])
    clip = np.repeat(np.arange(len(fitted)), [lengths[i] for i in fitted])
    mean, spread = X.mean(0), X.std(0)
    # A feature that hardly ever moved in training must not be blown up when it does.
    spread = np.maximum(spread, 0.01 * spread.mean())
    X = (X - mean) / spread
    penalty = _choose(X, Y, clip % _INNER == min(_INNER, len(fitted)) - 1)
    weights, constant = ridge(X, Y, penalty)
    predicted = np.flatnonzero(held_out)
    return [(np.asarray(features[i]) - mean) / spread @ weights + constant for i in predicted]


def ridge(X: np.ndarray, Y: np.ndarray, penalty: float) -> tuple[np.ndarray, np.ndarray]:
    """Weights ``[D]`` or ``[D, K]`` and the constant that minimise

    |Y - Xw - c|^2 / N + penalty |w|^2 D, with X ``[N, D]`` and Y ``[N]`` or ``[N, K]``.
    """
    middle, offset = X.mean(0), Y.mean(0)
    A, B, scale = X - middle, Y - offset, penalty * X.size
    # Whichever side of A is shorter is the size of the system to be solved.
    if len(A) <= A.shape[1]:
        weights = A.T @ np.linalg.solve(A @ A.T + scale * np.eye(len(A)), B)
    else:
        weights = np.linalg.solve(A.T @ A + scale * np.eye(A.shape[1]), A.T @ B)
    return weights, offset - middle @ weights


def _choose(X: np.ndarray, Y: np.ndarray, inner: np.ndarray) -> float:
    """The penalty under which the frames ``inner`` are predicted best from the others."""
    A, offset = X[~inner], Y[~inner].mean(0)
    B, middle = Y[~inner] - offset, A.mean(0)
    A = A - middle
    # One decomposition serves every penalty.
    values, vectors = np.linalg.eigh(A @ A.T if len(A) <= A.shape[1] else A.T @ A)
    small = len(A) > A.shape[1]
    right = vectors.T @ (A.T @ B if small else B)
    left = (X[inner] - middle) @ (vectors if small else A.T @ vectors)
    errors = []
    for penalty in PENALTIES:
        share = (right.T / (np.maximum(values, 0) + penalty * A.size)).T
        errors.append(float(np.mean((left @ share + offset - Y[inner]) ** 2)))
    return PENALTIES[int(np.argmin(errors))]


def balanced_accuracy(
    predicted: Sequence[np.ndarray], truth: Sequence[np.ndarray], classes: int
) -> float:
    """The share of frames that is recognised, averaged over the classes that occur.

    Plain accuracy would reward a guesser who always names the most frequent class.

    Parameters
    ----------
    predicted
        One array per clip, ``[T, classes]``; the class with the largest value counts.
    truth
        For the same clips, ``[T]``, the class of every frame.

    >>> import numpy as np
    >>> always_the_first = np.array([[1.0, 0.0]] * 4)
    >>> balanced_accuracy([always_the_first], [np.array([0, 0, 0, 1])], classes=2)
    0.5
    """
    named = np.concatenate([p.argmax(1) for p in predicted])
    true = np.concatenate(list(truth))
    counts = np.bincount(true, minlength=classes)
    right = np.bincount(true[named == true], minlength=classes)
    return float(np.mean(right[counts > 0] / counts[counts > 0]))


def over_clips(
    score: Callable[[list[int]], float], clips: int, draws: int = 300, seed: int = 0
) -> tuple[float, float, float]:
    """A score of all clips, and its 95 % bootstrap interval over clips drawn anew.

    Parameters
    ----------
    score
        Takes the indices of the clips drawn, some of them more than once.
    clips
        How many there are.
    draws, seed
        How often clips are drawn, and the seed of it.

    >>> import numpy as np
    >>> errors = np.array([0.0, 1.0, 2.0, 3.0])
    >>> mean, low, high = over_clips(lambda clips: errors[clips].mean(), clips=4)
    >>> float(mean), bool(low < mean < high)
    (1.5, True)
    """
    picked = np.random.default_rng(seed).integers(0, clips, (draws, clips))
    low, high = ends([score(list(p)) for p in picked])
    return score(list(range(clips))), float(low), float(high)
