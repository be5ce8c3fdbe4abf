"""Words for people: model cards of all shipped weights, and documents whose paths exist."""

import json
import re

import pytest
from conftest import REPOSITORY

from lipkit.config.places import RESULTS
from lipkit.course.model_cards import PAGE, WORDS, frozen_lips, write_cards
from lipkit.weights import read_card, shipped

DOCUMENTS = ("CHANGELOG.md", "CONTRIBUTING.md", "SECURITY.md")


def test_the_stored_page_is_what_the_weights_say():
    stored = PAGE.read_text(encoding="utf-8")
    assert stored == write_cards(), "run: python -m lipkit.course.model_cards"


def test_every_shipped_file_has_a_card_with_all_that_is_asked_for():
    sections = re.split(r"^## ", PAGE.read_text(encoding="utf-8"), flags=re.MULTILINE)[1:]
    by_name = {section.split("`")[1]: section for section in sections}
    assert set(by_name) == {*shipped.names(), shipped.SYNC}
    assert set(WORDS) == set(shipped.names())
    for name in shipped.names():
        text, card = by_name[name], read_card(name)
        for asked in ("People.", "Meant for.", "What it does badly.", "licence of the weights"):
            assert asked in text, (name, asked)
        assert card.data_licence in text
        strange = (
            "strangers ssim" if "strangers ssim" in card.metrics else "unseen_speaker_test ssim"
        )
        for value in (card.metrics["s1_test lmd"], card.metrics[strange]):
            assert f"| {value:g} " in text


@pytest.mark.parametrize("split", ["s1_test", "strangers", "drawn_test"])
def test_frozen_lips_are_averaged_over_the_people_of_the_cards(split):
    report = json.loads((RESULTS / "evaluation" / "paper" / f"{split}.json").read_text())
    for chosen in ([p for p in report["people"] if p["averaged"]], report["people"]):
        mean = {
            row: sum(p["rows"][row]["lmd"] for p in chosen) / len(chosen)
            for row in ("paper", "frozen lips")
        }
        if round(mean["paper"], 2) == round(read_card("paper").metrics[f"{split} lmd"], 2):
            break
    else:
        pytest.fail("the card's people are neither the trusted ones nor all")
    # s1_test was measured on 44 and on all 87 clips.
    assert abs(frozen_lips()[f"{split} lmd"] - mean["frozen lips"]) < 0.02


@pytest.mark.parametrize("name", DOCUMENTS)
def test_a_document_names_files_that_are_there(name):
    text = (REPOSITORY / name).read_text(encoding="utf-8")
    links = re.findall(r"\]\((?!https?:)([^)#]+)", text)
    quoted = [word for word in re.findall(r"`([\w./-]+/[\w./-]+)`", text) if "NN" not in word]
    for path in [*links, *(word for word in quoted if "NAME" not in word)]:
        assert (REPOSITORY / path).exists(), f"{name}: {path}"


def test_contributing_names_targets_and_lists_that_are_there():
    text = (REPOSITORY / "CONTRIBUTING.md").read_text(encoding="utf-8")
    makefile = (REPOSITORY / "Makefile").read_text()
    for target in re.findall(r"\bmake ([a-z]+)\b(?= |`|$)", text):
        assert f"\n{target}:" in makefile, target
    for listed, path in re.findall(r"in `([A-Z_]+)` of `([\w./]+)`", text):
        assert re.search(rf"^{listed}\b", (REPOSITORY / path).read_text(), re.MULTILINE), path
