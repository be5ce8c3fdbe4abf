"""The losses, each against a plain loop over numbers; in float32; safe at the extremes."""

import itertools
import math
import os
from types import SimpleNamespace

import numpy as np
import pytest
import torch
import torch.distributed as distributed
import torch.multiprocessing as multiprocessing
from torch import nn

from lipkit.config import TrainConfig
from lipkit.errors import UsageError
from lipkit.losses import (
    LOSSES,
    AdversarialConfig,
    AdversarialLoss,
    CorrelationConfig,
    CorrelationLoss,
    LossConfig,
    Objective,
    PerceptualConfig,
    PerceptualLoss,
    PixelConfig,
    PixelLoss,
    weights,
)
from lipkit.losses.correlation import EPSILON
from lipkit.losses.loss import Scene, Site
from lipkit.models.network import Generated
from lipkit.models.perceptual_encoder import LipAutoEncoder

FORMS = ("cosine", "pearson", "contrastive")
PAPER = weights(LossConfig())


def scene_of_arrays(seed: int = 0) -> SimpleNamespace:
    """What a loss may look at, as float64 arrays: two windows of three frames, 20 x 20 pixels."""
    rng = np.random.default_rng(seed)
    video, made, warped = rng.uniform(-1, 1, (3, 2, 3, 3, 20, 20))
    points, found = rng.uniform(20, 44, (2, 2, 3, 20, 2))
    first, found_first = rng.uniform(20, 44, (2, 2, 20, 2))
    return SimpleNamespace(
        video=video,
        batch={"video": video, "points": points, "identity_points": first},
        made=SimpleNamespace(
            video=made, points=found, identity_points=found_first, warped=warped, audio=None
        ),
        rendered_points=points,
    )


def scene_of_tensors(arrays: SimpleNamespace) -> Scene:
    def tensor(array: np.ndarray | None) -> torch.Tensor | None:
        return array if array is None else torch.from_numpy(array).float().requires_grad_()

    batch = {name: tensor(array) for name, array in arrays.batch.items()}
    batch["frames"] = torch.arange(3).expand(2, 3)
    return Scene(batch, Generated(**{n: tensor(a) for n, a in vars(arrays.made).items()}))


BY_HAND = [name for name, loss in LOSSES.items() if loss.by_hand]


@pytest.mark.parametrize("name", BY_HAND)
def test_every_declared_loss_is_its_equation_and_teaches_the_generator(name):
    loss, arrays = LOSSES[name], scene_of_arrays()
    scene = scene_of_tensors(arrays)
    term = loss.build(loss.settings(weight=1.0), Site(nn.Identity(), None, TrainConfig()))
    measured = term(scene)
    assert measured.item() == pytest.approx(loss.by_hand(arrays), rel=1e-4)
    measured.backward()
    gradients = [made.grad for made in scene.made if made is not None and made.grad is not None]
    assert sum(g.abs().sum() for g in gradients) > 0


def test_only_losses_with_networks_have_no_equation_by_hand():
    without = LOSSES.keys() - BY_HAND
    assert without == {"corr", "perc", "gen", "patch"}, "these have tests of their own below"


def features(batch: int = 4, steps: int = 15, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Features of sound and lips [B, T, 16], not negative, as a ReLU leaves them."""
    rng = np.random.default_rng(seed)
    return tuple(np.maximum(0, rng.normal(0.5, 1, (2, batch, steps, 16))).astype(np.float32))


def correlation_loss(form: str, **settings) -> CorrelationLoss:
    return CorrelationLoss(CorrelationConfig(form=form, **settings))


def cosine_by_hand(a: np.ndarray, b: np.ndarray) -> float:
    """Of two clips' features [T, 16], averaged to one number per step."""
    dot = aa = bb = 0.0
    for row, other in zip(a, b, strict=True):
        x, y = sum(map(float, row)) / len(row), sum(map(float, other)) / len(other)
        dot, aa, bb = dot + x * y, aa + x * x, bb + y * y
    return dot / math.sqrt(aa * bb)


def r_by_hand(a: np.ndarray, b: np.ndarray) -> float:
    """Of two clips' features [T, 16], each without its mean over time."""
    dot = aa = bb = 0.0
    steps, channels = a.shape
    for c in range(channels):
        mean_a = sum(float(a[t, c]) for t in range(steps)) / steps
        mean_b = sum(float(b[t, c]) for t in range(steps)) / steps
        for t in range(steps):
            x, y = float(a[t, c]) - mean_a, float(b[t, c]) - mean_b
            dot, aa, bb = dot + x * y, aa + x * x, bb + y * y
    return dot / math.sqrt(aa * bb)


def contrastive_by_hand(s: np.ndarray, v: np.ndarray, temperature: float) -> float:
    r = [[r_by_hand(a, b) / temperature for b in v] for a in s]
    total = 0.0
    for i in range(len(s)):
        sounds = sum(math.exp(r[i][j]) for j in range(len(v)))
        lips = sum(math.exp(r[j][i]) for j in range(len(s)))
        total -= math.log(math.exp(r[i][i]) / sounds) + math.log(math.exp(r[i][i]) / lips)
    return total / (2 * len(s))


@pytest.mark.parametrize("batch", [2, 4])
def test_correlation_loss_is_its_equation(batch):
    s, v = features(batch)
    wanted = {
        "cosine": np.mean([1 - cosine_by_hand(a, b) for a, b in zip(s, v, strict=True)]),
        "pearson": np.mean([1 - r_by_hand(a, b) for a, b in zip(s, v, strict=True)]),
        "contrastive": contrastive_by_hand(s, v, temperature=0.3),
    }
    for form, value in wanted.items():
        loss = correlation_loss(form, temperature=0.3)(torch.from_numpy(s), torch.from_numpy(v))
        assert loss.item() == pytest.approx(value, rel=1e-4), form


def test_similarity_is_that_of_every_pair():
    s, v = features(3)
    v = v[:2]
    for form, by_hand in (("cosine", cosine_by_hand), ("pearson", r_by_hand)):
        found = correlation_loss(form).similarity(torch.from_numpy(s), torch.from_numpy(v))
        assert found.shape == (3, 2)
        for i, j in itertools.product(range(3), range(2)):
            assert found[i, j].item() == pytest.approx(by_hand(s[i], v[j]), abs=1e-5)
    contrastive = correlation_loss("contrastive")
    assert torch.equal(contrastive.similarity(torch.from_numpy(s), torch.from_numpy(v)), found)


def test_only_the_cosine_form_is_pleased_by_levels():
    """Features that sit at one level and hardly move are alike to it, whatever they do there."""
    s, v = (torch.from_numpy(x) * 0.05 + 1 for x in features(8))
    assert correlation_loss("cosine")(s, v) < 0.01
    assert correlation_loss("pearson")(s, v) > 0.8
    assert correlation_loss("contrastive")(s, v) > 0.8 * math.log(8)


@pytest.mark.parametrize("form", FORMS)
def test_perfect_pairs_cost_least(form):
    s, _ = (torch.from_numpy(x) for x in features(4))
    same, shuffled = (correlation_loss(form)(s, x).item() for x in (s, s[[1, 2, 3, 0]]))
    assert same == pytest.approx(0, abs=2e-3)
    assert shuffled > same


def test_real_share_mixes_real_and_generated():
    s, real = (torch.from_numpy(x) for x in features())
    generated = torch.from_numpy(features(seed=1)[1])
    for share in (0.0, 0.3, 1.0):
        loss = correlation_loss("pearson", real_share=share)
        wanted = share * loss(s, real) + (1 - share) * loss(s, generated)
        torch.testing.assert_close(loss.both(s, real, generated), wanted)


def test_a_placebo_hears_another_window_of_the_batch():
    s, real = (torch.from_numpy(x) for x in features(4))
    generated = torch.from_numpy(features(4, seed=1)[1])
    own, other = (correlation_loss("contrastive", sound=name) for name in ("own", "other"))
    wanted = own.both(s[[3, 0, 1, 2]], real, generated)
    torch.testing.assert_close(other.both(s, real, generated), wanted)
    with pytest.raises(UsageError, match=r"sound=other .*batch_size to 2 or more"):
        other.both(s[:1], real[:1], generated[:1])


def test_one_window_has_nothing_to_be_contrasted_with():
    s, v = (torch.from_numpy(x) for x in features(1))
    with pytest.raises(UsageError, match=r"batch_size to 2 or more, or loss\.corr\.form=pearson"):
        correlation_loss("contrastive")(s, v)
    for form in ("cosine", "pearson"):
        assert torch.isfinite(correlation_loss(form)(s, v))


def test_correlation_loss_refuses_to_broadcast():
    with pytest.raises(ValueError, match=r"expected both the same \[B, T, 16\]"):
        correlation_loss("pearson")(torch.zeros(2, 15, 16), torch.zeros(1, 15, 16))


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("level", [0.0, 3.0])
def test_silence_and_still_lips_give_finite_gradients(form, level):
    s = torch.full((3, 15, 16), level, requires_grad=True)
    v = torch.from_numpy(features(3)[1]).requires_grad_()
    loss = correlation_loss(form)(s, v)
    loss.backward()
    assert torch.isfinite(loss)
    assert s.grad.abs().max() < 1 / math.sqrt(EPSILON) / correlation_loss(form).config.temperature
    assert torch.isfinite(v.grad).all()


def _one_of_two(rank: int, folder: str, s: np.ndarray, v: np.ndarray) -> None:
    """A process with half of the batch: its loss, and the gradients that reach its half."""
    distributed.init_process_group(
        "gloo", init_method=f"file://{folder}/meeting", rank=rank, world_size=2
    )
    half = slice(2 * rank, 2 * rank + 2)
    mine = [torch.from_numpy(x[half]).requires_grad_() for x in (s, v)]
    loss = correlation_loss("contrastive")(*mine)
    loss.backward()
    torch.save((loss.detach(), mine[0].grad, mine[1].grad), f"{folder}/{rank}.pt")
    distributed.destroy_process_group()
    # Gloo's threads may still free tensors: let them not meet Python's shutdown.
    os._exit(0)


@pytest.mark.slow
def test_contrastive_batch_is_that_of_all_processes(tmp_path):
    s, v = features(4)
    whole = [torch.from_numpy(x).requires_grad_() for x in (s, v)]
    loss = correlation_loss("contrastive")(*whole)
    loss.backward()
    multiprocessing.spawn(_one_of_two, (str(tmp_path), s, v), nprocs=2)
    parts = [torch.load(tmp_path / f"{rank}.pt") for rank in range(2)]
    for part in parts:
        torch.testing.assert_close(part[0], loss.detach())
    # Processes then average their parameters' gradients, which halves these.
    for i, x in enumerate(whole, 1):
        torch.testing.assert_close(torch.cat([part[i] for part in parts]) / 2, x.grad)


@pytest.mark.parametrize("batch_statistics", [False, True])
def test_perceptual_loss_is_its_equation(batch_statistics):
    torch.manual_seed(0)
    encoder = LipAutoEncoder(2, 1 / 32)
    loss = PerceptualLoss(encoder, batch_statistics)
    generated, real = torch.rand(2, 2, 3, 2, 64, 64) * 2 - 1
    value = loss(generated, real).item()
    with torch.no_grad():
        a, b = (encoder.encode(video).numpy() for video in (generated, real))
    total = 0.0
    for x, y in zip(a.flat, b.flat, strict=True):
        total += (float(x) - float(y)) ** 2
    assert value == pytest.approx(total / a.size, rel=1e-4)
    assert loss(real, real).item() == 0


def test_perceptual_encoder_is_frozen_and_passes_gradients():
    torch.manual_seed(0)
    encoder = LipAutoEncoder(2, 1 / 32)
    before = {name: value.clone() for name, value in encoder.state_dict().items()}
    loss = PerceptualLoss(encoder).train()
    generated = torch.rand(2, 3, 2, 64, 64, requires_grad=True)
    loss(generated, torch.rand(2, 3, 2, 64, 64)).backward()
    assert generated.grad.abs().max() > 0
    assert all(p.grad is None for p in encoder.parameters())
    assert all(torch.equal(value, before[name]) for name, value in encoder.state_dict().items())


def test_batch_statistics_do_not_see_contrast():
    torch.manual_seed(0)
    real = torch.rand(2, 3, 2, 64, 64) - 0.5
    faint = 0.5 * real
    frozen, batch = (
        PerceptualLoss(LipAutoEncoder(2, 1 / 32), statistics)(faint, real).item()
        for statistics in (False, True)
    )
    assert batch < 0.01 * frozen


def _minus_log(p: float) -> float:
    return -math.log(p)


@pytest.mark.parametrize(("lambda_p", "lambda_u"), [(0.5, 0.5), (1.0, 0.25)])
def test_adversarial_loss_is_its_equation(lambda_p, lambda_u):
    logits = np.random.default_rng(0).normal(0, 2, (3, 5)).astype(np.float32)
    real, generated, mismatched = [[1 / (1 + math.exp(-float(x))) for x in row] for row in logits]
    wanted = 0.0
    for d_real, d_generated, d_mismatched in zip(real, generated, mismatched, strict=True):
        wanted += _minus_log(d_real) / 5
        wanted += lambda_p * _minus_log(1 - d_generated) / 5
        wanted += lambda_u * _minus_log(1 - d_mismatched) / 5
    loss = AdversarialLoss(AdversarialConfig(generated=lambda_p, mismatched=lambda_u))
    assert loss.discriminator(*torch.from_numpy(logits)).item() == pytest.approx(wanted, rel=1e-5)
    wanted = sum(map(_minus_log, generated)) / 5
    assert loss.generator(torch.from_numpy(logits)[1]).item() == pytest.approx(wanted, rel=1e-5)


def test_adversarial_weights_are_the_papers():
    undecided = torch.zeros(4)
    loss = AdversarialLoss().discriminator(undecided, undecided, undecided)
    assert loss.item() == pytest.approx(2 * math.log(2))


def test_adversarial_loss_is_safe_where_the_discriminator_is_sure():
    sure = torch.tensor([-200.0], requires_grad=True)
    loss = AdversarialLoss().generator(sure)
    loss.backward()
    assert loss.item() == pytest.approx(200)
    # Not saturating: a generator that convinces nobody still learns.
    assert sure.grad.item() == pytest.approx(-1)
    assert AdversarialLoss().discriminator(-sure, sure, sure).item() == pytest.approx(0)


def test_objective_is_the_weighted_sum():
    losses = {"corr": 0.7, "pix": 0.11, "perc": 0.3, "gen": 1.9}
    total, terms = Objective(PAPER)(**{name: torch.tensor(x) for name, x in losses.items()})
    assert total.item() == pytest.approx(0.7 + 0.5 * 0.11 + 1.0 * 0.3 + 1.0 * 1.9)
    assert {name: term.item() for name, term in terms.items()} == pytest.approx(losses)


def test_objective_leaves_out_what_weighs_nothing():
    config = LossConfig(
        corr=CorrelationConfig(weight=0),
        pix=PixelConfig(weight=0.2),
        perc=PerceptualConfig(weight=2),
        gen=AdversarialConfig(weight=0),
    )
    objective = Objective(weights(config))
    assert objective.terms == ["pix", "perc"]
    total, terms = objective(
        pix=torch.tensor(1.0), perc=torch.tensor(3.0), gen=torch.tensor(math.nan)
    )
    assert total.item() == pytest.approx(0.2 + 6)
    assert set(terms) == {"pix", "perc", "gen"}


def test_objective_passes_gradients_and_logs_none():
    pix = torch.tensor(2.0, requires_grad=True)
    others = {name: torch.tensor(0.0) for name in ("corr", "perc", "gen")}
    total, terms = Objective(PAPER)(pix=pix, **others)
    total.backward()
    assert pix.grad.item() == pytest.approx(0.5)
    assert not terms["pix"].requires_grad


@pytest.mark.parametrize("losses", [{"pix"}, {"pix", "corr", "perc", "gen", "lips"}, set()])
def test_objective_refuses_missing_and_unknown_losses(losses):
    with pytest.raises(ValueError, match="needed"):
        Objective(PAPER)(**dict.fromkeys(losses, torch.tensor(1.0)))


def test_every_loss_is_float32_under_autocast():
    s, v = (torch.from_numpy(x) for x in features())
    logits = torch.randn(3, 4)
    video = torch.rand(2, 1, 3, 2, 64, 64)
    exact = {
        form: correlation_loss(form)(s.bfloat16().float(), v.bfloat16().float()) for form in FORMS
    }
    with torch.autocast("cpu", torch.bfloat16):
        for form in FORMS:
            loss = correlation_loss(form)(s.bfloat16(), v.bfloat16())
            assert loss.dtype == torch.float32
            # Taken in half precision it would be off by some 1e-3.
            assert loss.item() == pytest.approx(exact[form].item(), rel=1e-5)
        adversarial = AdversarialLoss()
        losses = {
            "gen": adversarial.generator(logits[0].bfloat16()),
            "corr": adversarial.discriminator(*logits.bfloat16()),
            "pix": PixelLoss()(*video.bfloat16()),
            "perc": PerceptualLoss(LipAutoEncoder(2, 1 / 32))(*video),
        }
        assert {loss.dtype for loss in losses.values()} == {torch.float32}
        assert Objective(PAPER)(**losses)[0].dtype == torch.float32
