"""The lead of the lips: the talker's documented leads are found again, from points alone."""

from dataclasses import replace

import numpy as np
import pytest

from lipkit.analysis.closure import closures, lip_height
from lipkit.analysis.corpus_leads import (
    UNSEEN,
    all_closures,
    closure_rows,
    corpus_leads,
    matched,
    sounds_of,
    viseme_leads,
)
from lipkit.analysis.lead import Sound, fit_leads, mouth_features, presence, standardised
from lipkit.analysis.study import StudyOptions, analyse
from lipkit.cli import run_command
from lipkit.config import PrepareConfig
from lipkit.corpora import list_clips
from lipkit.corpora.record import Word
from lipkit.course.lesson import LessonConfig, prepared_set, synthetic_corpus
from lipkit.data.clips import PreparedClip
from lipkit.data.prepare import prepare
from lipkit.data.prepared import PreparedSet
from lipkit.errors import LipkitError
from lipkit.talker import perform, person
from lipkit.talker.corpus import truth
from lipkit.talker.sentences import choose
from lipkit.talker.visemes import LEAD

QUICK = StudyOptions(repairings=200)

FRAME = 0.04
DOCUMENTED = {name for name, lead in LEAD.items() if lead > 0}
SEEN_BY_DLIB = {
    *("alveolar", "bilabial", "close_round", "labiodental"),
    *("mid", "open", "postalveolar", "spread"),
}
"""Classes that move dlib's points clearly in two dozen clips."""


@pytest.fixture(scope="module")
def corpus():
    """Three people, eight clips each, as lessons have them: the raw folder, the prepared set."""
    options = LessonConfig(clips=24)
    assert options.stages.prepare == PrepareConfig()
    return synthetic_corpus(options.seed, clips=8), prepared_set(options)


@pytest.fixture(scope="module")
def exact():
    """Features and sounds of three people, ten sentences each, without drawing them."""
    features, spoken, speakers = [], [], []
    for index in range(3):
        who = person(index, 0)
        for sentence in choose(index, 10, 0):
            known = truth(perform(who, sentence, 0))
            features.append(mouth_features(known["landmarks"]))
            spoken.append(sounds_of(known))
            speakers.append(str(index))
    return standardised(features, speakers), spoken


@pytest.mark.slow
def test_every_documented_lead_is_found_from_the_exact_points(exact):
    leads = fit_leads(*exact)
    assert set(leads) >= DOCUMENTED
    for name in DOCUMENTED:
        found = leads[name]
        # A frame is what must hold; half of one is what holds.
        assert found.seconds == pytest.approx(LEAD[name], abs=FRAME / 2), name
        assert found.low <= found.seconds <= found.high
        assert found.count > 0


@pytest.mark.slow
@pytest.mark.parametrize("frames", [-3, 2])
def test_moving_the_sound_moves_every_lead(exact, frames):
    features, spoken = exact
    moved = [
        [Sound(s.shape, s.group, s.start + frames / 25, s.end + frames / 25) for s in clip]
        for clip in spoken
    ]
    before, after = fit_leads(features, spoken), fit_leads(features, moved)
    # The search goes no farther than -0.08 s at first, so the far side is reached step by step.
    for name in DOCUMENTED - UNSEEN:
        change = after[name].seconds - before[name].seconds
        assert change == pytest.approx(frames / 25, abs=FRAME / 2), name


@pytest.mark.slow
def test_the_leads_are_found_in_prepared_clips_and_move_with_the_sound(corpus):
    root, prepared = corpus
    clips = matched(prepared, root)
    leads, moved = viseme_leads(clips), viseme_leads(clips, shift=2)
    for name in SEEN_BY_DLIB:
        assert leads[name].high - leads[name].low < 2 * FRAME
        assert leads[name].seconds == pytest.approx(LEAD[name], abs=FRAME), name
        assert moved[name].seconds - leads[name].seconds == pytest.approx(0.08, abs=FRAME), name


def test_shapes_that_nothing_is_known_of_are_found_with_their_leads():
    rng = np.random.default_rng(0)
    names, leads = ("a", "b", "c"), {"a": 0.02, "b": 0.11, "c": -0.03, "rest": 0.0}
    shapes = {name: rng.normal(size=2) for name in (*names, "rest")}
    features, spoken = [], []
    for _ in range(20):
        edges = np.concatenate([[0.3], 0.3 + np.cumsum(rng.uniform(0.1, 0.25, 10))])
        order = rng.choice(names, 10)
        clip = [Sound("rest", "rest", -9, edges[0])]
        clip += [Sound(n, n, *edges[i : i + 2]) for i, n in enumerate(order)]
        clip.append(Sound("rest", "rest", edges[-1], 99))
        times = (np.arange(80) + 0.5) / 25
        pull = [presence(times, s.start - leads[s.group], s.end - leads[s.group]) for s in clip]
        lips = sum(p[:, None] * shapes[s.shape] for p, s in zip(pull, clip, strict=True))
        features.append(lips / sum(pull)[:, None] + 0.05 * rng.normal(size=(80, 2)))
        spoken.append(clip)
    found = fit_leads(features, spoken)
    for name, lead in leads.items():
        assert found[name].seconds == pytest.approx(lead, abs=0.01)
        assert found[name].high - found[name].low < 0.05


def test_of_one_clip_a_lead_has_no_interval():
    sounds = [Sound("rest", "rest", -9, 1), Sound("a", "a", 1, 2), Sound("rest", "rest", 2, 99)]
    lips = np.zeros((75, 2))
    lips[23:49] = 1.0
    lead = fit_leads([lips], [sounds])["a"]
    assert lead.seconds == pytest.approx(0.08, abs=FRAME)
    assert np.isnan([lead.low, lead.high]).all()


def test_clips_without_sounds_are_refused():
    with pytest.raises(ValueError, match="1 clips' lips and 0 clips' sounds"):
        fit_leads([np.zeros((10, 2))], [])


def closing_clip(at: float, burst: float) -> PreparedClip:
    """Lips 8 px apart that close at ``at`` s for a moment; the sound comes at ``burst`` s."""
    times = (np.arange(50) + 0.5) / 25
    points = np.zeros((50, 68, 2), np.float32)
    points[:, [66, 57], 1] = 8 - 7 * np.exp(-0.5 * ((times - at) / 0.05) ** 2)[:, None]
    columns = (np.arange(200) + 0.5) / 100
    level = np.where(columns < burst, -60, -20)
    return PreparedClip(
        lips=np.zeros((50, 64, 64, 3), np.uint8),
        logmel=np.repeat(level[:, None], 128, axis=1).astype(np.float16),
        landmarks=points,
        box=np.full((50, 3), 64, np.float32),
    )


@pytest.mark.parametrize("at", [0.98, 1.0, 1.013, 1.05])
def test_a_closure_is_placed_between_frames(at):
    clip = closing_clip(at, burst=1.1)
    words = [Word("lay", 0.5, 0.8), Word("blue", 1.03, 1.3)]
    (closure,), missed = closures(clip, words)
    assert (closure.word, closure.place, missed) == ("blue", 1, [])
    assert closure.lead == pytest.approx(1.03 - at, abs=0.008)
    assert closure.sound_lead == pytest.approx(1.1 - at, abs=0.015)


def test_a_word_without_a_closure_is_counted():
    clip = closing_clip(0.3, burst=1.1)
    clip.landmarks[:, [66, 57], 1] += np.linspace(0, 50, 50)[:, None]
    assert closures(clip, [Word("blue", 1.0, 1.3)]) == ([], ["blue"])
    assert lip_height(clip).shape == (50,)


def test_the_m_of_em_is_looked_for_at_its_end():
    (closure,), _ = closures(closing_clip(1.0, burst=0.5), [Word("m", 0.8, 1.02)])
    assert closure.lead == pytest.approx(0.02, abs=0.008)


@pytest.mark.slow
def test_rows_of_closures_are_medians_with_intervals(corpus):
    root, prepared = corpus
    found, missed = all_closures(matched(prepared, root))
    rows = {row["group"]: row for row in closure_rows(found, missed)}
    inside = rows["inside the sentence: blue, by, b, p, please"]
    assert inside["count"] == sum(c.place > 0 and c.word != "m" for c in found)
    assert inside["low_ms"] <= inside["lead_ms"] <= inside["high_ms"]
    # The talker's lips meet 80 ms before the sound and stay together into it.
    assert -40 <= inside["lead_ms"] <= 80


@pytest.mark.slow
def test_the_synthetic_sound_and_lips_correlate(corpus):
    _, prepared = corpus
    study = analyse(prepared, ["level_opening"], QUICK, progress=False)
    moved = analyse(prepared, ["level_opening"], replace(QUICK, shift=4), progress=False)
    before, after = study.results["level_opening"], moved.results["level_opening"]
    assert abs(before.peak) <= 2
    assert before.peak_p < 0.01
    assert abs(after.peak - (before.peak - 4)) <= 1


@pytest.mark.slow
def test_the_command_writes_the_leads(corpus, tmp_path, capsys):
    root, prepared = corpus
    options = ["--out", str(tmp_path), "--formula", "level_opening", "--repairings", "200", "-q"]
    assert run_command(["analyse", str(prepared.folder), "--raw", str(root), *options]) == 0
    assert "lips lead by" in capsys.readouterr().out
    rows = (tmp_path / "leads.csv").read_text().splitlines()
    assert rows[0] == "group,points,documented_ms,lead_ms,low_ms,high_ms,count"
    assert {row.split(",")[0] for row in rows[1:]} == DOCUMENTED
    assert {row.split(",")[0] for row in rows if ",exact," in row} == UNSEEN


@pytest.mark.slow
def test_a_raw_folder_without_times_is_named(corpus, tmp_path):
    root, prepared = corpus
    for path in sorted(root.glob("s1/*.mp4"))[:1]:
        (tmp_path / "s7").mkdir()
        (tmp_path / "s7" / path.name).write_bytes(path.read_bytes())
    (tmp_path / "synthetic.json").write_text((root / "synthetic.json").read_text())
    with pytest.raises(LipkitError, match="no word or phoneme times"):
        matched(prepared, tmp_path)


@pytest.mark.slow
def test_real_lips_follow_their_sound_and_close_for_bilabials(grid_root, tmp_path):
    names = ("bbaf2n", "bbaf3s", "bbal6n", "pbaczn", "pgaq8p", "bbas1s")
    records = [r for r in list_clips("grid", grid_root) if r.clip_id in {f"s1/{n}" for n in names}]
    assert len(records) == len(names)
    prepare(records, tmp_path, PrepareConfig(), "grid", workers=0, progress=False)
    prepared = PreparedSet.open(tmp_path)
    result = analyse(prepared, ["level_opening"], QUICK, progress=False)
    assert result.results["level_opening"].peak in (-1, 0, 1, 2)
    found, missed = all_closures(matched(prepared, grid_root, speakers=["s1"]))
    words = {"bin", "place", "blue"}
    assert {closure.word for closure in found} >= words
    assert len(missed) <= 2
    assert all(abs(closure.lead) <= 0.14 for closure in found)
    rows = corpus_leads(prepared, grid_root)
    assert all(row["low_ms"] <= row["lead_ms"] <= row["high_ms"] for row in rows)
