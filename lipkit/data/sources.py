"""What a prepared clip depends on, and the records that a preparation is asked for."""

import dataclasses
import itertools
import json
import os
import zlib
from collections.abc import Sequence
from pathlib import Path

from lipkit.config import PrepareConfig
from lipkit.corpora.record import ClipRecord
from lipkit.data.manifest import one_line
from lipkit.data.table import is_plain
from lipkit.errors import LipkitError, UsageError
from lipkit.settings import to_dict

EDGE = 65_536
"""Bytes at each end of a source file that its checksum is of."""


def settings_text(config: PrepareConfig) -> str:
    """The settings as they stand in a clip's header; equal settings give equal texts."""
    return json.dumps(to_dict(config), sort_keys=True)


def source_bytes(record: ClipRecord) -> str:
    """Sizes and checksums of the source files, by which a replaced source is noticed; "" if gone.

    Sizes alone would not do: those of many encoders are padded, GRID's to 2,048 bytes.
    """
    try:
        return " ".join(map(_told, filter(None, (record.video, record.audio))))
    except OSError:
        return ""


def is_source(record: ClipRecord, told: str) -> bool:
    """Whether :func:`source_bytes` once told this of the source, or it is gone.

    Of clips that were prepared before there were checksums, sizes alone are compared.
    """
    now = source_bytes(record)
    if ":" not in told:
        now = " ".join(part.partition(":")[0] for part in now.split())
    return now in (told, "")


def _told(path: Path) -> str:
    with open(path, "rb") as file:
        size = os.fstat(file.fileno()).st_size
        checksum = zlib.crc32(file.read(EDGE))
        file.seek(max(EDGE, size - EDGE))
        return f"{size}:{zlib.crc32(file.read(EDGE), checksum):08x}"


def checked(records: Sequence[ClipRecord]) -> list[ClipRecord]:
    """The records in the order of their ids, with absolute paths.

    Raises
    ------
    LipkitError
        When there is none, or two have one id.
    UsageError
        When an id leads out of a prepared set.
    """
    # Absolute, because a worker of a cluster may stand in another folder; and by ids that a table
    # can hold, because a file's name may have line breaks, or bytes that are not text.
    records = [
        dataclasses.replace(
            record,
            clip_id=one_line(record.clip_id),
            video=Path(os.path.abspath(record.video)),
            audio=record.audio and Path(os.path.abspath(record.audio)),
        )
        for record in records
    ]
    records.sort(key=lambda record: record.clip_id)
    if not records:
        raise LipkitError("there is no clip to prepare; check the corpus's name and folder")
    for record, following in itertools.pairwise(records):
        if record.clip_id == following.clip_id:
            raise LipkitError(
                f"{following.video}: has the clip id {record.clip_id} of {record.video}; "
                "remove one of them"
            )
    for record in records:
        if not is_plain(record.clip_id):
            raise UsageError(
                f"{record.video}: the clip id {record.clip_id!r} leads out of the prepared set; "
                "rename the clip"
            )
    return records
