"""Splits as named protocols, and the check that nothing leaks between them.

========  ==========================  ============================  =======================
protocol  test                        val                           train
========  ==========================  ============================  =======================
paper     unseen speakers: GRID s33,  10 % of the other speakers'   the rest
          LDC F02 and M01, synthetic  clips
          the last one
paper,    the official test           none                          official train and val
LRW
seen      10 % of the sentences       5 % of the sentences          the rest
unseen    a tenth of the speakers,    5 % of the other speakers'    other speakers, neither
          with sentences that train   sentences                     test's nor val's
          and val never hear                                        sentences
file      as listed                   as listed                     as listed
overfit   nobody                      none                          every clip, to see that a
                                                                    network can learn at all
strangers nobody                      nobody                        nobody; the people whom
                                                                    the corpus declares so
                                                                    are the split of that
                                                                    name
========  ==========================  ============================  =======================

``paper`` follows the authors' code (fact sheet 1.1) but for one thing: they cut off the last
10 % of the *windows*. Windows overlap by half, so of two neighbours one may be trained on and
the other validated on, with eight frames in common. Here a clip is never divided: all of its
windows share its split.

Nothing is drawn at random: what goes where depends on the seed and on a hash of the sentence's
or speaker's name, on every machine alike.
"""

import dataclasses
import hashlib
import os
from collections import defaultdict
from collections.abc import Iterable, Mapping
from pathlib import Path

from lipkit.corpora.corpus import Corpus
from lipkit.corpora.record import UNKNOWN_SPEAKER, ClipRecord
from lipkit.corpora.tree import natural
from lipkit.errors import LipkitError, UsageError
from lipkit.settings import did_you_mean

PROTOCOLS = ("paper", "seen", "unseen", "file", "overfit", "strangers")

STRANGERS = "strangers"
"""The split of people who are in no training set."""

PAPER_VAL = 0.10
HOLD_OUT = {"test": 0.10, "val": 0.05}
TEST_SPEAKERS = 0.10
SHARED_TO_TEST = 1 / 3
"""Of the sentences that test speakers share with others, the share that ``unseen`` gives to
test; train loses these and test loses the rest."""

Lists = str | os.PathLike | Mapping[str, str | os.PathLike | Iterable[str]]


def assign(
    records: list[ClipRecord],
    corpus: Corpus,
    protocol: str,
    lists: Lists | None = None,
    seed: int = 0,
) -> list[ClipRecord]:
    """The records with ``split`` filled in by ``protocol``; None marks a clip left out.

    Parameters
    ----------
    lists
        For ``file``: a folder of ``<split>.txt`` files with one clip id a line, or a
        mapping from split to such a file or to the ids themselves.
    seed
        Another seed gives another choice of sentences and speakers; ``paper`` without its
        val part and ``file`` do not depend on it.

    Raises
    ------
    UsageError
        For a protocol that is unknown or that the corpus does not allow.
    LipkitError
        When the corpus at hand cannot be split that way, or splits would leak.
    """
    if protocol not in PROTOCOLS:
        raise UsageError(f"protocol {protocol!r} is unknown; {did_you_mean(protocol, PROTOCOLS)}")
    if corpus.test_only and protocol != STRANGERS:
        raise UsageError(
            f"protocol {protocol!r} on {corpus.name}: they are for testing only; take {STRANGERS}"
        )
    if protocol == "file":
        chosen = _file(records, lists)
    elif lists is not None:
        raise UsageError(f"lists are for the protocol 'file', not {protocol!r}")
    else:
        chosen = _RULES[protocol](records, corpus, seed)
    result = [dataclasses.replace(r, split=chosen.get(r.clip_id)) for r in records]
    check_leakage(result, protocol)
    return result


def check_leakage(records: Iterable[ClipRecord], protocol: str) -> None:
    """Assure that no split knows what another one tests.

    Under every protocol a clip stands once, and what one speaker says in one sentence is in
    one split only. Under ``seen`` and ``unseen`` a sentence is in one split only; under
    ``seen`` every speaker tested is trained on; under ``unseen`` and ``paper`` none is
    (LRW apart: it names no speakers, so nothing about them can be checked).

    Raises
    ------
    LipkitError
        Naming the first leak and how many there are.
    """
    records = [r for r in records if r.split is not None]
    named = [r for r in records if r.speaker != UNKNOWN_SPEAKER]
    _alone(protocol, "clip", ((r.clip_id, r.split) for r in records))
    _alone(
        protocol,
        "speaker and sentence",
        ((f"{r.speaker} {r.sentence}", r.split) for r in named if r.sentence),
    )
    if protocol in ("seen", "unseen"):
        _alone(protocol, "sentence", ((r.sentence, r.split) for r in records if r.sentence))
    speakers = defaultdict(set)
    for r in named:
        speakers[r.split].add(r.speaker)
    if protocol in ("unseen", "paper"):
        known = speakers["test"] & (speakers["train"] | speakers["val"])
        if known:
            raise LipkitError(
                f"protocol {protocol!r} leaks: test speaker {_first(known)} is also in train or val"
            )
    if protocol == "seen":
        unknown = (speakers["test"] | speakers["val"]) - speakers["train"]
        if unknown:
            raise LipkitError(
                f"protocol 'seen' breaks: speaker {_first(unknown)} is tested but not in train"
            )


def _paper(records: list[ClipRecord], corpus: Corpus, seed: int) -> dict[str, str]:
    if corpus.official_splits:
        return {r.clip_id: "test" if r.split == "test" else "train" for r in records}
    speakers = sorted({r.speaker for r in records}, key=natural)
    test = corpus.test_speakers or speakers[-1:]
    missing = [speaker for speaker in test if speaker not in speakers]
    if missing or len(speakers) <= len(test):
        lacking = f"test speaker {missing[0]}" if missing else "any speaker to train on"
        raise LipkitError(
            f"protocol 'paper' on {corpus.name}: {lacking} is missing among {', '.join(speakers)}; "
            "get more speakers or take the protocol seen or file"
        )
    chosen = {r.clip_id: "test" for r in records if r.speaker in test}
    rest = [r for r in records if r.speaker not in test]
    # What a speaker says twice stays together.
    utterances = _ranked({f"{r.speaker} {r.sentence}" for r in rest}, seed)
    if len(utterances) < 2:
        raise LipkitError(
            f"protocol 'paper' on {corpus.name}: one clip cannot be divided into train and val; "
            "add clips of the training speakers, or take the protocol overfit, which trains on all"
        )
    val = set(utterances[: _count(PAPER_VAL, len(utterances))])
    for r in rest:
        chosen[r.clip_id] = "val" if f"{r.speaker} {r.sentence}" in val else "train"
    return chosen


def _seen(records: list[ClipRecord], corpus: Corpus, seed: int) -> dict[str, str]:
    _require_speakers(records, corpus.name, "seen", 1)
    split_of = _hold_out(records, HOLD_OUT, "seen", corpus.name, seed)
    return {r.clip_id: split_of[r.sentence] for r in records}


def _unseen(records: list[ClipRecord], corpus: Corpus, seed: int) -> dict[str, str]:
    speakers = _require_speakers(records, corpus.name, "unseen", 2)
    testers = set(_ranked(speakers, seed)[: _count(TEST_SPEAKERS, len(speakers))])
    test_sentences = {r.sentence for r in records if r.speaker in testers}
    other_sentences = {r.sentence for r in records if r.speaker not in testers}
    shared = _ranked(test_sentences & other_sentences, seed)
    # A sentence that only test speakers say costs train nothing; a shared one must be
    # given up by one side.
    private = test_sentences - other_sentences
    given = _count(SHARED_TO_TEST, len(shared)) if shared else 0
    tested = private | set(shared[:given])
    chosen = {r.clip_id: "test" for r in records if r.speaker in testers and r.sentence in tested}
    rest = [r for r in records if r.speaker not in testers and r.sentence not in tested]
    held_out = {"val": HOLD_OUT["val"]}
    split_of = _hold_out(rest, held_out, "unseen", corpus.name, seed)
    return chosen | {r.clip_id: split_of[r.sentence] for r in rest}


def _overfit(records: list[ClipRecord], corpus: Corpus, seed: int) -> dict[str, str]:
    return {r.clip_id: "train" for r in records}


def _strangers(records: list[ClipRecord], corpus: Corpus, seed: int) -> dict[str, str]:
    chosen = [r.clip_id for r in records if corpus.test_only or r.speaker in corpus.strangers]
    if not chosen:
        declared = f"none of {', '.join(corpus.strangers)} is" * bool(corpus.strangers)
        raise LipkitError(
            f"protocol {STRANGERS!r} on {corpus.name}: {declared or 'nobody is declared'} "
            "there; take another protocol, or the corpus people"
        )
    return dict.fromkeys(chosen, STRANGERS)


def _file(records: list[ClipRecord], lists: Lists | None) -> dict[str, str]:
    known = {r.clip_id for r in records}
    chosen: dict[str, str] = {}
    origin: dict[str, str] = {}
    for split, source, ids in _read_lists(lists):
        for clip_id in ids:
            if clip_id not in known:
                near = did_you_mean(clip_id, known) if len(known) < 5000 else ""
                hint = near if near.startswith("did") else "ids have the form speaker/clip"
                raise LipkitError(f"{source}: {clip_id!r} is not a clip of the corpus; {hint}")
            if clip_id in chosen:
                where = "twice" if origin[clip_id] == source else f"also in {origin[clip_id]}"
                raise LipkitError(f"{source}: {clip_id!r} is listed {where}; keep one of the two")
            chosen[clip_id], origin[clip_id] = split, source
    if not chosen:
        raise LipkitError("protocol 'file': the lists name no clip; one speaker/clip per line")
    return chosen


def _read_lists(lists: Lists | None) -> Iterable[tuple[str, str, list[str]]]:
    """(split, where it stands, clip ids) of each list."""
    if lists is None:
        raise UsageError("protocol 'file' needs lists: a folder of <split>.txt files")
    if not isinstance(lists, Mapping):
        folder = Path(lists)
        files = sorted(folder.glob("*.txt")) if folder.is_dir() else []
        if not files:
            raise LipkitError(f"{folder}: looked there for <split>.txt lists, found none")
        lists = {file.stem: file for file in files}
    for split, source in lists.items():
        if isinstance(source, (str, os.PathLike)):
            yield split, str(source), _read_list(Path(source))
        else:
            yield split, f"list {split!r}", list(source)


def _read_list(path: Path) -> list[str]:
    try:
        lines = path.read_text(encoding="utf-8-sig").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise LipkitError(f"{path}: cannot be read as a list of clip ids: {error}") from error
    stripped = (line.strip() for line in lines)
    return [line for line in stripped if line and not line.startswith("#")]


def _hold_out(
    records: list[ClipRecord], shares: dict[str, float], protocol: str, corpus: str, seed: int
) -> dict[str, str]:
    """Sentence -> split, with at least one sentence in each and every speaker in train."""
    spoken = defaultdict(set)
    for r in records:
        spoken[r.speaker].add(r.sentence)
    reserved: set[str] = set()
    for speaker in sorted(spoken):
        if not spoken[speaker] & reserved:
            reserved.add(_ranked(spoken[speaker], seed)[-1])
    sentences = set().union(*spoken.values()) if spoken else set()
    free = _ranked(sentences - reserved, seed)
    if len(free) < len(shares):
        raise LipkitError(
            f"protocol {protocol!r} on {corpus}: {len(sentences)} different sentences by "
            f"{len(spoken)} training speakers are too few to hold out {' and '.join(shares)}; "
            "add clips, or take the protocol file, or overfit, which trains on all"
        )
    split_of = dict.fromkeys(sentences, "train")
    start = 0
    for i, (split, share) in enumerate(shares.items()):
        # Leave at least one for each split that follows.
        count = min(_count(share, len(sentences)), len(free) - start - (len(shares) - 1 - i))
        split_of |= dict.fromkeys(free[start : start + count], split)
        start += count
    return split_of


def _require_speakers(
    records: list[ClipRecord], corpus: str, protocol: str, least: int
) -> set[str]:
    speakers = {r.speaker for r in records}
    if UNKNOWN_SPEAKER in speakers:
        raise LipkitError(
            f"protocol {protocol!r} on {corpus}: the corpus does not say who speaks; "
            "take the protocol paper or file"
        )
    if len(speakers) < least:
        raise LipkitError(
            f"protocol {protocol!r} on {corpus}: needs {least} speakers, there is "
            f"{', '.join(speakers) or 'none'}; add speakers or take the protocol seen"
        )
    return speakers


def _alone(protocol: str, what: str, pairs: Iterable[tuple[str, str]]) -> None:
    """Each key once per split, and in one split only; clips once at all."""
    splits = defaultdict(list)
    for key, split in pairs:
        splits[key].append(split)
    leaks = {
        key: found
        for key, found in splits.items()
        if len(set(found)) > 1 or (what == "clip" and len(found) > 1)
    }
    if leaks:
        key = _first(leaks)
        raise LipkitError(
            f"protocol {protocol!r} leaks: {what} {key} is in {' and '.join(sorted(leaks[key]))}"
            f" ({len(leaks)} such); mend the lists or take another protocol"
        )


def _ranked(names: Iterable[str], seed: int) -> list[str]:
    """The names in an order that only the seed and the names themselves decide."""
    return sorted(names, key=lambda name: hashlib.sha256(f"{seed} {name}".encode()).digest())


def _count(share: float, total: int) -> int:
    return max(1, round(share * total))


def _first(names: Iterable[str]) -> str:
    return min(names, key=natural)


_RULES = {
    "paper": _paper,
    "seen": _seen,
    "unseen": _unseen,
    "overfit": _overfit,
    STRANGERS: _strangers,
}
