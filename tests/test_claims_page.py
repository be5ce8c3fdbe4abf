"""The page for a sceptic: made from stored results, whatever their form."""

import json
import shutil

import pytest
from stored_results import write_folder

from lipkit.config.places import RESULTS
from lipkit.course.claims_page import PAGE, STRIP, claims_page, write_claims_page
from lipkit.experiments.stored import read_results


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Results of the ablation alone, with a run that diverged."""
    place = tmp_path_factory.mktemp("results")
    write_folder(place / "ablation", seeds=3)
    about = json.loads((place / "ablation" / "results.json").read_text())
    about["runs"][0]["status"] = "diverged"
    about["runs"].append(about["runs"][0] | {"name": "a-seed3", "status": "whole"})
    about["runs"][-1]["replaces"] = about["runs"][0]["name"]
    person = {"name": "s26", "clips": 11, "averaged": False, "faults": ["Sync-C .1 < .16"]}
    split = about["splits"]["unseen_speaker_test"]
    split["people"] = [person, person | {"name": "s33", "averaged": True, "faults": []}]
    (place / "ablation" / "results.json").write_text(json.dumps(about))
    return place


def test_every_claim_stands_there_with_its_numbers(folder):
    stored = read_results("ablation", folder / "ablation")
    page = claims_page([stored])
    assert "What the paper claims" in page
    assert "What we claim of our own" in page
    for row in stored.claims:
        if not row["metric"].endswith("_paper"):
            assert f"{row['claim']} ({row['from']} → {row['to']})" in page
            assert f"{row['difference']:+.3f} [{row['low']:+.3f}, {row['high']:+.3f}]" in page
    assert "a-seed0 diverged; a-seed3 was trained in its place" in page
    assert "s26 is not averaged there: Sync-C .1 < .16" in page
    assert stored.rule in page
    assert "_paper" not in page


def test_what_is_missing_is_named_with_its_command(folder):
    path = write_claims_page(folder)
    page = path.read_text()
    assert path.name == PAGE
    assert "lipkit experiment comparison" in page
    assert "No strip of frames is stored" in page
    (folder / "ablation" / STRIP).write_bytes(b"")
    assert f"](ablation/{STRIP})" in write_claims_page(folder).read_text()
    (folder / "ablation" / STRIP).unlink()


def test_an_experiment_that_was_run_twice_stands_there_twice(folder, tmp_path):
    shutil.copytree(folder / "ablation", tmp_path / "ablation")
    shutil.copytree(folder / "ablation", tmp_path / "ablation_printed")
    page = write_claims_page(tmp_path).read_text()
    title = read_results("ablation", folder / "ablation").experiment.title
    assert f"## {title}\n" in page
    assert f"## {title}: printed\n" in page
    assert "[table](ablation_printed/table.md)" in page


def test_results_of_an_older_form_are_shown_and_said_to_be_old(folder, tmp_path):
    shutil.copytree(folder, tmp_path / "old")
    file = tmp_path / "old" / "ablation" / "claims.json"
    claims = json.loads(file.read_text())
    old = {"split", "claim", "from", "to", "metric", "paper", "difference", "low", "high"}
    old |= {"seeds", "verdict", "confidence", "contrast", "side"}
    rows = [{k: v for k, v in row.items() if k in old} for row in claims["claims"]]
    file.write_text(json.dumps({"rule": "Held: somehow.", "claims": rows}))
    page = write_claims_page(tmp_path / "old").read_text()
    assert "these results are of form 1" in page
    assert "Held: somehow." in page
    assert "| **" in page
    shutil.copytree(folder / "ablation", tmp_path / "old" / "ablation_printed")
    both = write_claims_page(tmp_path / "old").read_text()
    assert both.index(": printed") < both.index("of form 1")


def test_the_page_in_the_repository_is_that_of_the_stored_results(tmp_path):
    copy = shutil.copytree(RESULTS, tmp_path / "results")
    assert write_claims_page(copy).read_text() == (RESULTS / PAGE).read_text()
