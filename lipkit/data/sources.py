"""What a prepared clip depends on, and the records that a preparation is asked for."""

import dataclasses
import itertools
import json
import os
from collections.abc import Sequence
from pathlib import Path

from lipkit.config import PrepareConfig
from lipkit.corpora.record import ClipRecord
from lipkit.data.table import is_plain
from lipkit.errors import LipkitError, UsageError
from lipkit.settings import to_dict


def settings_text(config: PrepareConfig) -> str:
    """The settings as they stand in a clip's header; equal settings give equal texts."""
    return json.dumps(to_dict(config), sort_keys=True)


def source_bytes(record: ClipRecord) -> str:
    """Sizes of the source files, by which a replaced source is noticed; "" if gone."""
    try:
        sources = filter(None, (record.video, record.audio))
        return " ".join(str(os.stat(source).st_size) for source in sources)
    except OSError:
        return ""


def checked(records: Sequence[ClipRecord]) -> list[ClipRecord]:
    """The records in the order of their ids, with absolute paths.

    Raises
    ------
    LipkitError
        When there is none, or two have one id.
    UsageError
        When an id leads out of a prepared set.
    """
    # Absolute, because a worker of a cluster may stand in another folder.
    records = [
        dataclasses.replace(
            record,
            video=Path(os.path.abspath(record.video)),
            audio=record.audio and Path(os.path.abspath(record.audio)),
        )
        for record in sorted(records, key=lambda record: record.clip_id)
    ]
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
