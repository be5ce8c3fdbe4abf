"""The clips of a split, their windows, and where their raw clips lie."""

import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from lipkit.corpora import list_clips
from lipkit.data.clips import ClipFile
from lipkit.data.prepared import PreparedSet
from lipkit.data.windows import Windows
from lipkit.metrics import METRICS
from lipkit.provenance import file_digest

DRAWN = (
    "it was drawn straight into the set; for faces, draw without --prepared and prepare the files"
)
"""What is to be said of a clip that never had a raw one."""


@dataclass
class SplitClip:
    """One clip of the split."""

    clip_id: str
    file: Path
    """Of the prepared clip."""
    starts: tuple[int, ...]
    """First frames of its windows."""
    identities: tuple[int, ...]
    """The frame that is each window's identity image."""
    speaker: str = ""
    """Who speaks, by the manifest's name."""
    source: str | None = None
    """Its raw clip, where one was found."""

    @property
    def key(self) -> list:
        """Differs for another prepared file, and for other windows or identity images, which
        depend on the clips before it in the split."""
        return [file_digest(self.file), list(self.starts), list(self.identities)]

    @property
    def raw_key(self) -> str:
        """Differs for another raw clip; empty without one."""
        return "" if self.source is None else file_digest(self.source)


def split_clips(prepared: PreparedSet, split: str | None, windows: Windows) -> list[SplitClip]:
    """Clips of the split (None: of all splits) that hold a window.

    Parameters
    ----------
    windows
        Those of the same set and split; their seed has chosen the identity frames.

    >>> from lipkit.course.assignments.data import prepared_set  # drawn once, then kept
    >>> from lipkit.data.windows import Windows
    >>> prepared = prepared_set(clips=2)
    >>> clip, other = split_clips(prepared, None, Windows(prepared, None, mismatched=False))
    >>> clip.starts
    (0, 8, 16, 24, 32, 40, 48, 56)
    """
    rows = prepared.clips(split).set_index("clip_id")
    files, speakers = rows.file.to_dict(), rows.speaker.to_dict()
    found: dict[str, list[tuple[int, int]]] = {}
    for i in range(len(windows)):
        where = windows.where(i)
        found.setdefault(where["clip_id"], []).append((where["start"], where["identity_frame"]))
    return [
        SplitClip(
            clip_id,
            prepared.folder / files[clip_id],
            *map(tuple, zip(*pairs, strict=True)),
            speaker=speakers[clip_id],
        )
        for clip_id, pairs in found.items()
    ]


def spread(clips: Sequence[SplitClip], most: int | None) -> tuple[list[SplitClip], list[str]]:
    """At most so many of the clips, evenly spread, and a line that says so."""
    if most is None or most >= len(clips):
        return list(clips), []
    chosen = [clips[i * len(clips) // most] for i in range(most)]
    return chosen, [f"measured on {most} of the split's {len(clips)} clips, evenly spread"]


def find_sources(
    prepared: PreparedSet,
    clips: Sequence[SplitClip],
    raw: str | os.PathLike | None,
    chosen: list[str],
) -> list[str]:
    """Give each clip its raw video; say in one line what is missing."""
    needing = [name for name in chosen if "truth_points" in METRICS[name].needs]
    if not needing:
        return []
    below = {} if raw is None else {r.clip_id: r.video for r in list_clips(prepared.corpus, raw)}
    missing = remedy = ""
    count = 0
    for clip in clips:
        meta = ClipFile(clip.file).meta
        named = below.get(clip.clip_id) if raw is not None else meta.get("source")
        if named is not None and Path(named).is_file():
            clip.source = str(named)
            continue
        count += 1
        if not missing:
            missing = str(named or (clip.clip_id if raw is None else f"{raw}/…/{clip.clip_id}"))
            remedy = DRAWN if "take" in meta else "give the corpus's folder with --raw"
    if not count:
        return []
    what = ", ".join(METRICS[name].label for name in needing)
    verdict = "left out" if count == len(clips) else "counted as not found there"
    return [
        f"{what}: {verdict}, because {count} of {len(clips)} raw clips are not there "
        f"(first: {missing}); {remedy}"
    ]
