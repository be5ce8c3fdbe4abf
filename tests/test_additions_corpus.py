"""An outsider's corpus is one file and one list entry; everything else knows it by itself."""

import json
import os
import shutil
import subprocess
from pathlib import Path

import pytest
from conftest import REPOSITORY

from lipkit.media import write_video
from lipkit.talker import talking_clip

pytestmark = pytest.mark.slow

CORPUS = '''
"""Mumbles: one folder, clips called person-sentence.mp4."""

from lipkit.corpora.corpus import Corpus, Published
from lipkit.corpora.record import ClipRecord
from lipkit.corpora.tree import require_folder, walk_files
from lipkit.errors import LipkitError

LOOKED_FOR = "mumbles such as anna-hello.mp4"


def read(root):
    path = require_folder(root, LOOKED_FOR)
    clips = [file for file in walk_files(path) if "-" in file.stem]
    if not clips:
        raise LipkitError(f"{path}: no clip there; looked for {LOOKED_FOR}")
    return [record(file, *file.stem.split("-")) for file in clips]


def record(file, person, sentence):
    clip_id = f"{person}/{sentence}"
    return ClipRecord(clip_id, person, "mumbles", file, sentence=sentence)


CORPUS = Corpus(
    name="mumbles",
    summary="people who mumble",
    looked_for=LOOKED_FOR,
    read=read,
    licence="Mumbles (Nobody 2030), CC0",
    frames=32,
    test_speakers=("anna",),
    strangers=("zoe",),
    protocol="paper",
    published={"full model": Published(lmd=1.5, ssim=0.7)},
    times_note="mumbles have no times",
)
'''


@pytest.fixture(scope="module")
def kit(tmp_path_factory, warm_python):
    """A copy of the package with the corpus in it; runs Python or the command line there."""
    folder = tmp_path_factory.mktemp("kit")
    shutil.copytree(REPOSITORY / "lipkit", folder / "lipkit")
    room = folder / "lipkit" / "corpora"
    (room / "mumbles.py").write_text(CORPUS)
    entry = room / "__init__.py"
    text = entry.read_text(encoding="utf-8")
    changed = text.replace("import crema_d, grid,", "import mumbles, crema_d, grid,")
    changed = changed.replace("_MODULES = (", "_MODULES = (mumbles, ")
    assert changed.count("mumbles") == 2
    entry.write_text(changed, encoding="utf-8")
    data = folder / "data"
    data.mkdir()
    for person in ("anna", "bert", "zoe"):
        for number in range(4):
            (data / f"{person}-s{number}.mp4").touch()

    def run(*arguments: str, code: int = 0) -> str:
        done = subprocess.run(
            [warm_python, *arguments],
            cwd=folder,
            env={**os.environ, "PYTHONPATH": str(folder)},
            capture_output=True,
            text=True,
        )
        assert done.returncode == code, done.stderr
        return done.stdout + done.stderr

    return run


def lipkit(kit, *arguments: str, **expected) -> str:
    return kit("-m", "lipkit", *arguments, **expected)


def test_the_command_line_offers_and_lists_it(kit):
    assert "mumbles, grid, lrw" in lipkit(kit, "prepare", "--help").replace("\n", " ")
    listed = lipkit(kit, "prepare", "mumbles", "data", "out", "--dry-run")
    assert "splits by protocol paper" in listed
    rows = [line.split() for line in listed.splitlines()]
    assert ["mumbles", "anna", "test", "4"] in rows
    assert ["mumbles", "bert", "train", "4"] in rows


def test_its_strangers_are_known(kit):
    options = ["prepare", "mumbles", "data", "out", "--dry-run", "--protocol", "strangers"]
    rows = [line.split() for line in lipkit(kit, *options).splitlines()]
    assert ["mumbles", "zoe", "strangers", "4"] in rows
    assert ["mumbles", "anna", "-", "4"] in rows


def test_a_folder_of_something_else_says_what_was_looked_for(kit, tmp_path):
    (tmp_path / "x.mp4").touch()
    said = lipkit(kit, "prepare", "mumbles", str(tmp_path), "out", "--dry-run", code=1)
    assert "looked for mumbles such as anna-hello.mp4" in said
    said = lipkit(kit, "prepare", "ldc", "data", "out", "--dry-run", code=1)
    assert "this looks like the corpus 'mumbles'" in said
    assert "did you mean 'mumbles'" in lipkit(kit, "prepare", "mumble", "data", "out", code=2)


def test_the_documentation_table_has_it(kit):
    (row,) = [
        line for line in lipkit(kit, "prepare", "--corpora").splitlines() if "mumbles" in line
    ]
    assert row == "| `mumbles` | people who mumble | 32 | anna | zoe | Mumbles (Nobody 2030), CC0 |"


CARD = """
import json, sys
from pathlib import Path
sys.path.insert(0, sys.argv[1])
from prepared_sets import write_set
from lipkit.presets import preset
from lipkit.data.prepared import DESCRIPTION
from lipkit.training import train
from lipkit.weights import read_card
folder = write_set(Path("set"), [20, 20])
text = (folder / DESCRIPTION).read_text().replace('"grid"', '"mumbles"')
(folder / DESCRIPTION).write_text(text)
settings = {"train.steps": 1, "train.batch_size": 2, "train.workers": 0, "generator.width": 1 / 32}
settings |= {"loss.corr.weight": 0, "loss.perc.weight": 0, "loss.gen.weight": 0}
done = train(folder, preset("tiny", settings), Path("run"), progress=False)
print(json.dumps(read_card(done.weights).data_licence))
"""


def test_the_card_of_what_is_trained_on_it_bears_its_licence(kit):
    printed = kit("-c", CARD, str(Path(__file__).parent))
    assert json.loads(printed.splitlines()[-1]) == "Mumbles (Nobody 2030), CC0"


def test_the_papers_rows_stand_beside_results_on_it(kit):
    code = "from lipkit.evaluation.published import published_rows as p; print(p('mumbles'))"
    rows = "[{'name': 'published: full model', 'metrics': {'lmd': 1.5, 'ssim_paper': 0.7}}]"
    assert kit("-c", code).strip() == rows


def test_preparation_notes_a_clip_of_another_length(kit, tmp_path):
    clip = talking_clip(0, "blue", seed=1, frames=40)
    write_video(tmp_path / "zoe-blue.mp4", clip.frames, clip.samples)
    options = [str(tmp_path), str(tmp_path / "out"), "--protocol", "strangers", "--workers", "1"]
    assert "40 of 32 frames" in lipkit(kit, "prepare", "mumbles", *options, "-q")
