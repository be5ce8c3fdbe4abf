"""Training that begins with weights: `train.start`, and `train.keep_steps`, which leaves some."""

import pytest
import torch
from safetensors.torch import load_file
from training_sets import PIXEL_ONLY, make_set, settings

from lipkit.data.prepared import PreparedSet
from lipkit.errors import LipkitError, UsageError
from lipkit.presets import PRESETS, preset
from lipkit.presets.fit import require_fit
from lipkit.training import train
from lipkit.training.generator_run import Run
from lipkit.weights import read_card


@pytest.fixture(scope="module")
def first(tmp_path_factory):
    """A finished run, and the set that it learned from."""
    folder = tmp_path_factory.mktemp("start")
    prepared = make_set(folder / "set", {"train": 3, "val": 1})
    chosen = settings(PIXEL_ONLY, **{"train.keep_steps": 2, "train.ema": 0.5})
    train(prepared, chosen, folder / "run", progress=False)
    return folder


def same(one: dict[str, torch.Tensor], other: dict[str, torch.Tensor]) -> bool:
    return one.keys() == other.keys() and all(torch.equal(one[name], other[name]) for name in one)


def test_weights_of_every_few_steps_are_kept(first):
    kept = sorted(first.joinpath("run").glob("weights-*.safetensors"))
    assert [path.stem for path in kept] == ["weights-000002", "weights-000004", "weights-000006"]
    assert [read_card(path).step for path in kept] == [2, 4, 6]
    last = load_file(first / "run" / "weights.safetensors")
    assert same(load_file(kept[-1]), last)
    assert not same(load_file(kept[0]), last)


def test_training_begins_with_given_weights(first):
    start = str(first / "run")
    chosen = settings(PIXEL_ONLY, **{"train.start": start, "train.ema": 0.5})
    networks = Run(PreparedSet.open(first / "set"), chosen, None).recipe.networks
    known = load_file(first / "run" / "weights.safetensors")
    assert same(networks.generator.state_dict(), known)
    assert same(networks.best.state_dict(), known)


def test_the_card_says_what_it_began_with(first, tmp_path):
    chosen = settings(PIXEL_ONLY, **{"train.start": str(first / "run"), "train.steps": 1})
    train(first / "set", chosen, tmp_path / "on", progress=False)
    card = read_card(tmp_path / "on")
    assert card.preset.train.start == str(first / "run")
    assert card.note.startswith(f"began with weights {first / 'run'}: preset tiny, 6 steps on ")


def test_a_resumed_run_goes_on_from_its_checkpoint(first, tmp_path):
    changes = {"train.start": str(first / "run"), "train.checkpoint_steps": 1}
    whole = settings(PIXEL_ONLY, **changes, **{"train.steps": 3})
    train(first / "set", whole, tmp_path / "whole", progress=False)
    train(
        first / "set",
        settings(PIXEL_ONLY, **changes, **{"train.steps": 1}),
        tmp_path / "two",
        progress=False,
    )
    train(first / "set", whole, tmp_path / "two", resume=True, progress=False)
    files = [tmp_path / run / "weights.safetensors" for run in ("whole", "two")]
    assert same(*map(load_file, files))


def test_other_weights_of_the_same_name_are_another_beginning(first, tmp_path):
    start = tmp_path / "start.safetensors"
    start.write_bytes((first / "run" / "weights-000002.safetensors").read_bytes())
    chosen = settings(PIXEL_ONLY, **{"train.start": str(start), "train.steps": 1})
    train(first / "set", chosen, tmp_path / "out", progress=False)
    start.write_bytes((first / "run" / "weights-000004.safetensors").read_bytes())
    with pytest.raises(UsageError, match="began with other weights"):
        train(first / "set", chosen, tmp_path / "out", resume=True, progress=False)


@pytest.mark.parametrize("name", PRESETS)
def test_keeping_statistics_that_are_not_there_is_refused(name):
    chosen = preset(name, {"train.norm_steps": 5})
    if name in ("plus", "landmarks"):
        with pytest.raises(UsageError, match=r"train\.norm_steps=5: .* has no batch norm"):
            require_fit(chosen)
    else:
        require_fit(chosen)


@pytest.mark.parametrize(
    ("changes", "error", "said"),
    [
        ({"generator.residual_blocks": 2}, UsageError, "set generator.residual_blocks=1"),
        ({"train.start": "nowhere"}, LipkitError, "nowhere"),
    ],
)
def test_weights_that_do_not_fit_are_refused(first, tmp_path, changes, error, said):
    changes = {"train.start": str(first / "run")} | changes
    with pytest.raises(error, match=said):
        train(first / "set", settings(PIXEL_ONLY, **changes), tmp_path / "out", progress=False)


def test_batch_norm_keeps_its_statistics_after_so_many_steps(first, tmp_path):
    def statistics(folder, step):
        tensors = load_file(folder / f"weights-{step:06d}.safetensors")
        return {name: t for name, t in tensors.items() if name.endswith("running_mean")}

    changes = {"train.keep_steps": 1, "train.norm_steps": 3}
    out = tmp_path / "kept"
    train(first / "set", settings(PIXEL_ONLY, **changes), out, progress=False)
    assert not same(statistics(out, 2), statistics(out, 3))
    before, after = statistics(out, 3), statistics(out, 6)
    moved = {name for name in before if not torch.equal(before[name], after[name])}
    # Of the pictures none; those of the sound go on.
    assert moved == {name for name in before if name.startswith("audio_encoder.")} != set()
    weights = [load_file(out / f"weights-{step:06d}.safetensors") for step in (3, 6)]
    moved = [name for name in weights[0] if not torch.equal(weights[0][name], weights[1][name])]
    assert any(name.endswith("weight") for name in moved)


@pytest.mark.parametrize(("more", "keeps"), [(0, True), (2, False)])
def test_batch_norm_does_not_learn_anew_what_weights_know(first, tmp_path, more, keeps):
    """A network that learned with kept statistics is another one with those of a batch."""
    learned = read_card(first / "run" / "weights.safetensors").step
    changes = {"train.start": str(first / "run"), "train.norm_steps": learned + more}
    out = tmp_path / "on"
    train(first / "set", settings(PIXEL_ONLY, **changes, **{"train.steps": 1}), out, progress=False)
    before, after = (load_file(folder / "weights.safetensors") for folder in (first / "run", out))
    norms = [
        name
        for name in before
        if name.endswith("running_mean") and not name.startswith("audio_encoder.")
    ]
    assert norms
    assert all(torch.equal(before[name], after[name]) for name in norms) == keeps
