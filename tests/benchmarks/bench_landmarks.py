"""Landmarks: one detection a clip against detection in every frame, on real GRID clips.

    python tests/benchmarks/bench_landmarks.py [GRID_FOLDER] [--s1 12]

Both ways run on the same clips in the same process on one core; times are of that core
(process time). The second table tells how far the face moves inside the crop; the third what
crop and paste-back change in a frame.
"""

import argparse
import os
import time
from pathlib import Path

os.environ.setdefault("OMP_NUM_THREADS", "1")

import cv2
import numpy as np

from lipkit.config import PrepareConfig
from lipkit.face.landmarks import FaceLandmarks, FaceLostError, Track, track
from lipkit.face.lips import crop, crop_boxes, paste_back
from lipkit.face.mouth import MOUTH
from lipkit.face.tracking import NOSE
from lipkit.media import read_video

CROPS = {
    "per_frame (authors)": PrepareConfig(crop="per_frame"),
    "stable, smooth 0": PrepareConfig(smooth_frames=0),
    "stable, smooth 1": PrepareConfig(smooth_frames=1),
    "stable, smooth 3": PrepareConfig(smooth_frames=3),
}


def choose_clips(root: Path, from_s1: int) -> list[Path]:
    """Every clip of the other speakers, ``from_s1`` spread over speaker s1."""
    chosen = []
    for folder in sorted(root.glob("s*[0-9]")):
        clips = sorted(p for p in folder.iterdir() if p.suffix in (".mpg", ".mp4"))
        step = max(len(clips) // from_s1, 1) if len(clips) > from_s1 else 1
        chosen += clips[::step][:from_s1]
    return chosen


def timed_track(frames: np.ndarray, model: FaceLandmarks, every: bool) -> tuple[Track, float]:
    start = time.process_time()
    result = track(frames, model, every_frame=every)
    return result, time.process_time() - start


def nose_motion(frames: np.ndarray, points: np.ndarray) -> np.ndarray:
    """True place of the nose in each frame [T, 2], relative to the middle frame, pixels.

    By image registration (ECC, sub-pixel) of the patch around the nose: independent of dlib.
    """
    grey = [cv2.cvtColor(frame, cv2.COLOR_RGB2GRAY) for frame in frames]
    middle = len(grey) // 2
    nose = points[:, NOSE].mean(0)
    left, top = (nose.min(0) - [6, 0]).astype(int)
    right, bottom = (nose.max(0) + np.array([7, 1])).astype(int)
    template = grey[middle][top:bottom, left:right]
    places = np.zeros((len(grey), 2))
    for order in (range(middle, len(grey)), range(middle - 1, -1, -1)):
        warp = np.float32([[1, 0, left], [0, 1, top]])
        for t in order:
            criteria = (cv2.TERM_CRITERIA_COUNT | cv2.TERM_CRITERIA_EPS, 60, 1e-4)
            _, warp = cv2.findTransformECC(
                template, grey[t], warp, cv2.MOTION_TRANSLATION, criteria, None, 3
            )
            places[t] = warp[:, 2] - [left, top]
    return places


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    default = Path(__file__).resolve().parents[3] / "shared" / "grid"
    parser.add_argument("root", nargs="?", default=os.environ.get("LIPKIT_GRID", default))
    parser.add_argument("--s1", type=int, default=12, help="most clips of one speaker")
    arguments = parser.parse_args()
    cv2.setNumThreads(1)
    model = FaceLandmarks().load()
    clips = choose_clips(Path(arguments.root), arguments.s1)

    rows: dict[str, list[tuple[float, ...]]] = {}
    moves: dict[str, list[tuple[float, float]]] = {name: [] for name in CROPS}
    changes: dict[str, list[tuple[float, float]]] = {"poisson": [], "feather": []}
    for clip in clips:
        frames = read_video(clip)
        try:
            once, fast = timed_track(frames, model, every=False)
        except FaceLostError as error:
            print(f"left out {clip.parent.name}/{clip.name}: {error}")
            continue
        every, slow = timed_track(frames, model, every=True)
        apart = np.linalg.norm(once.points - every.points, axis=-1)[:, MOUTH].mean()
        jitter = [
            np.linalg.norm(np.diff(t.points[:, NOSE], axis=0), axis=-1).mean()
            for t in (every, once)
        ]
        rows.setdefault(clip.parent.name, []).append(
            (len(frames), slow, fast, apart, once.detections, *jitter)
        )
        motion = nose_motion(frames, once.points)
        for name, config in CROPS.items():
            path = crop_boxes(once.points, config)[:, :2] - motion
            shaking = np.linalg.norm(np.diff(path, axis=0), axis=1)
            drift = np.linalg.norm(path - path.mean(0), axis=1)
            moves[name].append((np.sqrt((drift**2).mean()), np.sqrt((shaking**2).mean())))
        box = crop_boxes(once.points, PrepareConfig())[0]
        lips = crop(frames[:1], box[None])[0]
        for blend, values in changes.items():
            change = np.abs(paste_back(frames[0], lips, box, blend).astype(int) - frames[0])
            cx, cy, half = int(box[0]), int(box[1]), int(box[2] / 2)
            inside = change[cy - half : cy + half + 1, cx - half : cx + half + 1]
            values.append((change.mean(), inside.mean()))

    print("mouth points: one detection a clip against detection in every frame, one core")
    print(
        f"{'speaker':9}{'clips':>6}{'every f/s':>11}{'once f/s':>10}{'ratio':>7}"
        f"{'apart px':>10}{'worst px':>10}{'detections':>11}{'nose jitter every/once px':>27}"
    )
    rows["all"] = [row for speaker in rows.values() for row in speaker]
    for speaker, values in rows.items():
        count, slow, fast, apart, detections, shaky, steady = np.array(values).T
        print(
            f"{speaker:9}{len(values):6}{count.sum() / slow.sum():11.1f}"
            f"{count.sum() / fast.sum():10.1f}{slow.sum() / fast.sum():7.1f}"
            f"{apart.mean():10.3f}{apart.max():10.3f}{detections.mean():11.2f}"
            f"{shaky.mean():18.2f} /{steady.mean():5.2f}"
        )
    print("\nthe face inside the crop, source pixels (true motion of the nose by registration)")
    print(f"{'crop':24}{'rms':>8}{'frame to frame':>16}")
    for name, values in moves.items():
        rms, step = np.mean(values, axis=0)
        print(f"{name:24}{rms:8.2f}{step:16.2f}")
    print("\nuntouched lips pasted back: mean change, grey levels")
    print(f"{'blend':24}{'frame':>8}{'box':>8}")
    for blend, values in changes.items():
        whole, inside = np.mean(values, axis=0)
        print(f"{blend:24}{whole:8.3f}{inside:8.2f}")


if __name__ == "__main__":
    main()
