"""Drawn people straight into a prepared set."""

import json
import shutil
from itertools import pairwise

import numpy as np
import pytest

from lipkit.config import PrepareConfig
from lipkit.data import drawn
from lipkit.data.clips import read_clip
from lipkit.data.prepared import PreparedSet
from lipkit.data.windows import Windows
from lipkit.errors import LipkitError, UsageError
from lipkit.face.lips import crop, crop_boxes
from lipkit.talker.camera import compressed
from lipkit.talker.corpus import Shot, _refuse_others, write_takes
from lipkit.talker.crowd import anybody
from lipkit.talker.english import held_out
from lipkit.talker.recordings import Piece, Recording
from lipkit.talker.speech import speak
from lipkit.talker.takes import Manners, file_lines, plan, rehearse

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    out = tmp_path_factory.mktemp("drawn") / "set"
    takes = plan(2, 2, seed=3)
    return drawn.write_set(out, takes, workers=1, progress=False), takes


def test_it_opens_as_a_prepared_set_and_gives_windows(made):
    folder, takes = made
    opened = PreparedSet.open(folder)
    assert opened.splits == ["train"]
    assert len(opened.clips("train")) == len(takes) == 4
    assert set(opened.manifest.speaker) == {"s1001", "s1002"}
    window = Windows(opened, "train")[0]
    assert window["video"].shape == (3, 16, 64, 64)
    assert abs(float(window["logmel"].mean())) < 2


def test_points_are_exact_and_the_crop_is_that_of_the_whole_frames(made):
    folder, takes = made
    said = rehearse(takes[0])[0].at_25()
    stored = read_clip(folder / "clips" / f"{drawn.record(takes[0], 'train').clip_id}.safetensors")
    assert np.array_equal(stored.landmarks, said.landmarks())
    boxes = crop_boxes(said.landmarks(), PrepareConfig())
    assert np.array_equal(stored.box, boxes)
    part = drawn._around(boxes)
    whole = np.stack([frame[part] for frame in said.frames()])
    assert np.array_equal(whole, np.stack(list(said.frames(part))))
    seen = compressed(iter(whole), said.camera)
    cut = crop(seen, boxes - [part[1].start, part[0].start, 0])
    assert np.array_equal(stored.lips, cut)


def test_header_says_what_is_said_and_how_its_times_were_got(made):
    folder, takes = made
    meta = read_clip(
        folder / "clips" / f"{drawn.record(takes[0], 'train').clip_id}.safetensors"
    ).meta
    spoken = json.loads(meta["phonemes"])
    assert meta["times"] == "exact"
    assert meta["text"] == takes[0].text
    assert spoken[0][:2] == ["_", 0.0]
    assert all(a[2] == pytest.approx(b[1], abs=2e-4) for a, b in pairwise(spoken))


@pytest.mark.usefixtures("painted_anew")
def test_same_seed_same_bytes_and_a_begun_set_is_continued(made, tmp_path):
    folder, takes = made
    again = drawn.write_set(tmp_path / "again", takes, workers=2, progress=False)
    for path in sorted(folder.rglob("*.*")):
        if path.is_file():
            assert (again / path.relative_to(folder)).read_bytes() == path.read_bytes()
    lost, *_, kept = sorted(again.rglob("*.safetensors"))
    before, stamp = lost.read_bytes(), kept.stat().st_mtime_ns
    lost.unlink()
    drawn.write_set(again, takes, workers=1, progress=False)
    assert lost.read_bytes() == before
    assert kept.stat().st_mtime_ns == stamp


def test_lips_touch_at_every_bilabial(made):
    _, takes = made
    checked = 0
    for take in takes:
        said = rehearse(take)[0].at_25()
        points = said.landmarks()
        width = np.linalg.norm(points[:, 54] - points[:, 48], axis=1).mean()
        gap = np.linalg.norm(points[:, 66] - points[:, 62], axis=1) / width
        for p in said.phonemes:
            if p.symbol in ("p", "b", "m"):
                first, last = int((p.start - 0.06) * 25), int(p.end * 25)
                assert gap[first : last + 1].min() < 0.03
                checked += 1
    assert checked >= 4


def piece(number: int, speaker: str, sex: str) -> Piece:
    recording = Recording(drawn.Path(f"{speaker}-{number}.ogg"), speaker, sex, "yes")
    return Piece(recording, 0.0, 1.0, speak("yes").phonemes, (), "aligned")


def test_half_of_the_clips_are_human_and_of_ones_own_sex():
    pieces = [
        piece(n, s, sex) for s, sex in (("a", "f"), ("b", "m"), ("c", "f")) for n in range(14)
    ]
    takes = plan(6, 4, seed=1, pieces=pieces)
    human = [take for take in takes if take.piece]
    assert len(human) == 12
    for take in human:
        assert take.piece.recording.sex == ("f" if anybody(take.person, 1).woman else "m")
    assert len({take.piece.name for take in human}) == 12
    assert len({drawn.record(take, "train").clip_id for take in takes}) == 24


@pytest.mark.parametrize(("clips", "human"), [(1, 0.5), (3, 0.3), (20, 0.04)])
def test_a_share_of_less_than_one_clip_is_refused(clips, human):
    with pytest.raises(UsageError, match="nobody would say a recording"):
        plan(8, clips, seed=1, pieces=[piece(0, "a", "")], human=human)


def test_a_test_set_shares_no_sentence_voice_or_person_with_training():
    train, test = plan(8, 5, seed=0), plan(8, 5, seed=9, manners=Manners(held=True))
    assert not any(held_out(take.text) for take in train)
    assert all(held_out(take.text) for take in test)
    voices = [{rehearse(take)[1].split("+")[1] for take in takes} for takes in (train, test)]
    assert not voices[0] & voices[1]


def test_another_corpus_in_the_folder_is_refused(tmp_path):
    (tmp_path / "holiday.txt").write_text("")
    with pytest.raises(LipkitError, match="no prepared set"):
        drawn.write_set(tmp_path, plan(1, 1, 0), workers=1, progress=False)
    with pytest.raises(LipkitError, match="nothing to draw"):
        drawn.write_set(tmp_path / "x", [], progress=False)


def test_people_of_another_seed_or_a_clip_s_second_split_are_refused(made, tmp_path):
    folder, takes = tmp_path / "set", made[1]
    shutil.copytree(made[0], folder)
    before = (folder / "manifest.csv").read_bytes()
    with pytest.raises(UsageError, match=r"people of seed 3.*give --seed 3"):
        drawn.write_set(folder, plan(1, 1, seed=4), split="val", workers=1, progress=False)
    with pytest.raises(UsageError, match="in its split 'train' already"):
        drawn.write_set(folder, takes, split="val", workers=1, progress=False)
    assert (folder / "manifest.csv").read_bytes() == before
    held = plan(1, 1, seed=3, manners=Manners(held=True))
    drawn.write_set(folder, held, split="val", workers=1, progress=False)
    assert PreparedSet.open(folder).splits == ["train", "val"]


def test_another_share_of_recordings_among_videos_is_refused(tmp_path):
    pieces = [piece(n, "a", "") for n in range(3)]
    half, third = (plan(1, 3, 0, pieces=pieces, human=share) for share in (0.5, 1 / 3))
    (tmp_path / "raw").mkdir()
    before = [Shot(str(tmp_path / "raw"), take) for take in half]
    for shot in before:
        video = shot.path("", ".mp4")
        video.parent.mkdir(exist_ok=True)
        video.write_bytes(b"")
    with pytest.raises(UsageError, match="is clip 1 of s1001 already, by other recordings"):
        _refuse_others([Shot(str(tmp_path / "raw"), take) for take in third])
    _refuse_others(before)


def test_videos_of_other_sentences_are_refused(tmp_path):
    text = file_lines("One fish.\nTwo fish.\n", "fish.txt", seed=0)
    write_takes(tmp_path / "raw", plan(1, 1, 0, text), workers=0, progress=False)
    with pytest.raises(LipkitError, match="another kind"):
        write_takes(tmp_path / "raw", plan(1, 1, 0), workers=0, progress=False)
    write_takes(tmp_path / "raw", plan(1, 2, 0, text), workers=0, progress=False)
    assert len(list((tmp_path / "raw/s1001").iterdir())) == 2
    card = tmp_path / "raw" / "synthetic.json"
    told = json.loads(card.read_text())
    kind = {name: value for name, value in json.loads(told["kind"]).items() if name != "says"}
    card.write_text(json.dumps(told | {"kind": json.dumps(kind)}))  # as it was written before
    write_takes(tmp_path / "raw", plan(1, 3, 0, text), workers=0, progress=False)


def test_lines_of_a_file_are_said_in_another_order_by_each():
    text = "One fish.\n\nTwo fish.\nRed fish.\n---\nBlue fish.\n"
    lines = file_lines(text, "fish.txt", seed=0)
    takes = plan(3, 6, seed=0, lines=lines)
    assert {take.text for take in takes} == {"One fish.", "Two fish.", "Red fish.", "Blue fish."}
    assert [t.text for t in takes[:6]] != [t.text for t in takes[6:12]]
    with pytest.raises(LipkitError, match=r"fish\.txt: holds no line"):
        file_lines("\n--\n", "fish.txt", seed=0)
