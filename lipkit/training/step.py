"""One training step: the discriminator's, then the generator's and the correlation networks'.

Fact sheet sections 3, 5, 6 and 7.
"""

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, nn

from lipkit.config import Preset
from lipkit.losses import AdversarialLoss, CorrelationLoss, Objective, PatchLoss
from lipkit.models.generator import Generated
from lipkit.models.warp_generator import Guide
from lipkit.training.batches import Batch
from lipkit.training.networks import Networks
from lipkit.training.sharing import average_gradients
from lipkit.training.terms import TERMS

if TYPE_CHECKING:
    from lightning_fabric import Fabric


class Step:
    """Calling it with a batch takes one step of every network; it gives the losses.

    The generated video is made once. The discriminator learns from it first; then the
    generator learns from a discriminator that holds still. (The authors generate anew in
    between, with an unchanged generator: the same video.)

    Networks compute in the run's precision; what they give is float32, and so are all
    losses.
    """

    def __init__(self, networks: Networks, preset: Preset, fabric: "Fabric") -> None:
        self.networks, self.fabric = networks, fabric
        self.objective = Objective(preset.loss)
        self.correlation_loss = CorrelationLoss(preset.loss.corr)
        self.adversarial_loss = AdversarialLoss(preset.loss.gen)
        self.patch_loss = PatchLoss()
        self.patches = True
        """Whether the patch discriminator takes part in the next step."""
        self.mismatched = preset.loss.gen.mismatched > 0
        self.guided, self.clip = preset.train.guided, preset.train.clip
        self.has_points = preset.generator.architecture == "warp"
        self.generate: Callable[..., Generated] = networks.generator.generate

    def compile(self) -> None:
        """Compile every network with ``torch.compile``; the first step then takes minutes."""
        self.generate = torch.compile(self.generate)
        n = self.networks
        for module in (n.correlation, n.flow, n.discriminator, n.perceptual):
            if module is not None:
                module.compile()

    def __call__(self, batch: Batch) -> dict[str, Tensor]:
        """Take the step.

        Parameters
        ----------
        batch
            As :class:`lipkit.data.windows.Windows` gives it, on the device.

        Returns
        -------
        dict
            ``loss``, the generator's objective; ``dis``, the discriminator's loss; each of
            the objective's terms by name, before its weight. In the order in which they
            depend on each other. Detached scalars of this process's share of the batch.
        """
        n = self.networks
        with self.fabric.autocast():
            made = self.generate(batch["identity"], batch["logmel"], **self._wishes(batch))
            made = Generated(*(part if part is None else part.float() for part in made))
            flows = self._motion(n.flow, batch["video"], made.video)
            motion = flows if n.motion is n.flow else None
            if motion is None:
                motion = self._motion(n.motion, batch["video"], made.video)
        losses = {}
        if n.discriminator is not None:
            losses["dis"] = self._learn_to_tell(batch, made, motion)
        if n.patch is not None:
            losses["patch_dis"] = self._learn_patches(batch, made)
        total, terms = self._learn_to_generate(batch, made, flows, motion)
        return {"loss": total, **losses, **terms}

    def _wishes(self, batch: Batch) -> dict[str, Any]:
        """Which frames to render, and from whose points: varied windows only."""
        if not self.has_points or "frames" not in batch:
            return {}
        wishes: dict[str, Any] = {"frames": batch["frames"]}
        if self.guided > 0:
            drawn = torch.rand(len(batch["frames"]), device=batch["frames"].device)
            wishes["guide"] = Guide(drawn < self.guided, batch["identity_points"], batch["points"])
        return wishes

    def _motion(self, network: nn.Module | None, *videos: Tensor) -> list[Tensor | None]:
        return [network(video).float() if network is not None else None for video in videos]

    def _learn_to_tell(self, batch: Batch, made: Generated, motion: list[Tensor | None]) -> Tensor:
        """The discriminator's step: real, generated, and real with another sound."""
        judge = self.networks.discriminator
        still_real, still_made = (m if m is None else m.detach() for m in motion)
        with self.fabric.autocast():
            real = judge(batch["video"], batch["logmel"], still_real)
            generated = judge(made.video.detach(), batch["logmel"], still_made)
            mismatched = real.detach()
            if self.mismatched:
                mismatched = judge(batch["video"], batch["mismatched"], still_real)
        loss = self.adversarial_loss.discriminator(real, generated, mismatched)
        self._descend(loss, "discriminator")
        return loss.detach()

    def _learn_patches(self, batch: Batch, made: Generated) -> Tensor:
        """The patch discriminator's step, once its time has come."""
        if not self.patches:
            return made.video.new_zeros(())
        judge = self.networks.patch
        with self.fabric.autocast():
            verdicts = judge(batch["video"])[0], judge(made.video.detach())[0]
        loss = self.patch_loss.discriminator(*verdicts)
        self._descend(loss, "patch")
        return loss.detach()

    def _patch_loss(self, batch: Batch, made: Generated) -> Tensor:
        """l_patch of the video (:class:`lipkit.losses.PatchLoss`); 0 before its time."""
        if not self.patches:
            return made.video.new_zeros(())
        judge = self.networks.patch
        judge.requires_grad_(False)
        with self.fabric.autocast():
            verdicts, features = judge(made.video)
            with torch.no_grad():
                real_features = judge(batch["video"])[1]
        judge.requires_grad_(True)
        return self.patch_loss.generator(verdicts, features, real_features)

    def _learn_to_generate(
        self,
        batch: Batch,
        made: Generated,
        flows: list[Tensor | None],
        motion: list[Tensor | None],
    ) -> tuple[Tensor, dict[str, Tensor]]:
        """The generator's step; phi_s, phi_v and FlowNet learn from the same objective."""
        n, wanted = self.networks, self.objective.terms
        losses = {name: term(batch, made) for name, term in TERMS.items() if name in wanted}
        if n.correlation is not None:
            with self.fabric.autocast():
                s, real, generated = self._correlated(batch, made, flows)
            losses["corr"] = self.correlation_loss.both(s, real, generated)
        if n.perceptual is not None:
            with self.fabric.autocast():
                losses["perc"] = n.perceptual(made.video, batch["video"])
        if n.discriminator is not None:
            n.discriminator.requires_grad_(False)
            with self.fabric.autocast():
                logits = n.discriminator(made.video, batch["logmel"], motion[1])
            losses["gen"] = self.adversarial_loss.generator(logits)
        if n.patch is not None:
            losses["patch"] = self._patch_loss(batch, made)
        total, terms = self.objective(**losses)
        self._descend(total, "generator", "correlation")
        if n.discriminator is not None:
            n.discriminator.requires_grad_(True)
        return total.detach(), terms

    def _correlated(
        self, batch: Batch, made: Generated, flows: list[Tensor | None]
    ) -> tuple[Tensor, Tensor, Tensor]:
        """phi_s of the sound, phi_v of real and of generated lips, each [B, T', 16]."""
        n = self.networks
        derivative = n.correlation.config.derivative
        real, generated = flows if derivative else (batch["video"], made.video)
        s, v = n.correlation(made.audio, real)
        return s.float(), v.float(), n.correlation.phi_v(generated).float()

    def _descend(self, loss: Tensor, *names: str) -> None:
        optimisers = [o for name, o in self.networks.optimisers.items() if name in names]
        for optimiser in optimisers:
            optimiser.zero_grad(set_to_none=True)
        loss.backward()
        for optimiser in optimisers:
            parameters = [p for group in optimiser.param_groups for p in group["params"]]
            average_gradients(self.fabric, parameters)
            if self.clip > 0 and optimiser is self.networks.optimisers["generator"]:
                nn.utils.clip_grad_norm_(parameters, self.clip)
            optimiser.step()
