"""The inpainting denoiser: tuned from the denoiser, it reads a mask and the picture with a hole beside its
latent.

As Stable Diffusion's was made (Rombach et al. 2022, arXiv 2112.10752, section 4.5; GLIDE, Nichol et al. 2022,
arXiv 2112.10741): the new inputs begin at zero, a quarter of the pictures is hidden altogether, and some
sentences are left out. What is trained is the difference alone, in the form in which it is stored.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from copy import deepcopy

import torch
from diffusers import AutoencoderKL, UNet2DConditionModel
from torch import Tensor, nn
from torch.func import functional_call
from transformers import CLIPTextModel

from overpaint.families.difference import BY, DOWN, FIRST, UP, changed, restored
from overpaint.families.widen import widen
from overpaint.stilllife.scene import FRAME
from overpaint.train.data import pick, token_batch
from overpaint.train.holes import Holes, erased
from overpaint.train.loop import Batch, Stage, TrainError
from overpaint.train.nets import Prediction, make_schedule
from overpaint.train.optim import Rates
from overpaint.train.unet import SENTENCES, Latents, level_weight, levels

EXTRA = 5
"""Channels beside the latent: the mask, and the latent of the picture with a hole."""
RANK = 9
KEPT = re.compile(r"\.attn2\.to_[kv]\.|^time_embedding\.|\.time_emb_proj\.")
"""What stays as it is: how words and levels are read."""
DROPPED, HIDDEN = 0.08, 0.25
"""Shares of sentences left out, and of pictures hidden altogether."""
BARE = 0.3
"""Of holes without a thing so many are told of the surroundings alone, as when something is to be removed."""
OUTSIDE = 0.25
"""What cells around the hole weigh beside those in it: they are shown, and put back from the picture."""


class Difference(nn.Module):
    """What is trained: of every weight of a base a change of low rank, or a whole one where that is less."""

    def __init__(self, base: nn.Module, rank: int = RANK) -> None:
        super().__init__()
        self.base = [base]  # in a list, so that it is no part of this module
        for name, value in base.named_parameters():
            if KEPT.search(name):
                continue
            rows, columns = len(value), value[0].numel()
            if value.ndim < 2 or name == FIRST or rank * (rows + columns) >= value.numel():
                self._own(name + BY, torch.zeros_like(value))
            else:
                self._own(name + UP, torch.zeros(rows, rank))
                self._own(name + DOWN, torch.randn(rank, columns) * columns**-0.5)

    def _own(self, name: str, value: Tensor) -> None:
        self.register_parameter(name.replace(".", "/"), nn.Parameter(value))

    def tensors(self) -> dict[str, Tensor]:
        """The difference as it is stored."""
        return {name.replace("/", "."): value for name, value in self.named_parameters()}

    def take(self, tensors: Mapping[str, Tensor]) -> None:
        """Go on from a difference as it is stored.

        Raises:
            TrainError: it has another form.
        """
        own = self.tensors()
        if {k: v.shape for k, v in own.items()} != {k: v.shape for k, v in tensors.items()}:
            raise TrainError("The stored difference has another form; start afresh with resume off.")
        with torch.no_grad():
            for name, value in own.items():
                value.copy_(tensors[name])

    def forward(self, *inputs: Tensor) -> Tensor:
        """The network's output: latents with their channels, levels, text states."""
        (base,) = self.base
        return functional_call(base, self.weights(), inputs).sample

    def weights(self) -> dict[str, Tensor]:
        """The parameters of the base as the difference makes them."""
        (base,), difference = self.base, self.tensors()
        return {name: changed(value, name, difference) for name, value in base.named_parameters()}

    def whole(self, plain: UNet2DConditionModel) -> UNet2DConditionModel:
        """The network that the difference makes of a base, which stays as it is."""
        net = deepcopy(plain).half().float()
        restored(net, {name: value.detach() for name, value in self.tensors().items()})
        return net


def inpaint_stage(
    difference: Difference,
    vae: AutoencoderKL,
    tower: CLIPTextModel,
    data: Latents,
    holes: Holes,
    batch_size: int,
    steps: int,
    rates: Rates,
    *,
    prediction: Prediction = "v_prediction",
    measure: Callable[[], Mapping[str, float]] | None = None,
    sheet: Callable[[], Tensor] | None = None,
) -> Stage:
    """The denoiser's loss, with holes beside the latents; cells in the hole count most."""
    device = data.mean.device
    alpha_bar = make_schedule(prediction).alphas_cumprod.to(device)
    empty = token_batch([""]).to(device)
    tower.requires_grad_(False).eval()
    hidden = torch.ones(1, FRAME, FRAME, dtype=torch.bool, device=device)
    with torch.no_grad():
        nothing = erased(vae, torch.zeros(1, 3, FRAME, FRAME, device=device), hidden)

    def batch(step: int) -> Batch:
        rows = torch.tensor(pick(step, batch_size, len(holes.mask), seed=6), device=device)
        rng = torch.Generator(device).manual_seed(step)
        said = torch.randint(0, SENTENCES, (batch_size,), generator=rng, device=device)
        dropped = torch.rand(batch_size, 1, generator=rng, device=device) < DROPPED
        hide = torch.rand(batch_size, 1, 1, 1, generator=rng, device=device) < HIDDEN
        mean = data.mean[rows].float()
        bare = torch.rand(batch_size, 1, generator=rng, device=device) < BARE
        bare &= holes.clear[rows].unsqueeze(1) & ~hide.flatten(1)
        told = torch.where(bare, holes.tokens[rows], data.tokens[rows, said])
        return {
            "mean": mean,
            "std": data.std[rows].float(),
            "tokens": torch.where(dropped, empty, told.long()),
            "mask": (holes.mask[rows].unsqueeze(1) | hide).float(),
            "erased mean": torch.where(hide, nothing[0], holes.mean[rows].float()),
            "erased std": torch.where(hide, nothing[1], holes.std[rows].float()),
            "level": levels(torch.rand(batch_size, generator=rng, device=device)),
            "noise": torch.randn((batch_size, 3, *mean.shape[1:]), generator=rng, device=device),
        }

    def loss(batch: Batch, generator: torch.Generator) -> tuple[Tensor, dict[str, Tensor]]:
        del generator
        t, noise, mask = batch["level"], batch["noise"].unbind(1), batch["mask"]
        with torch.no_grad(), torch.autocast(device.type, torch.bfloat16, enabled=device.type == "cuda"):
            states = tower(input_ids=batch["tokens"]).last_hidden_state
        x0 = (batch["mean"] + batch["std"] * noise[0]) * data.scale
        shown = (batch["erased mean"] + batch["erased std"] * noise[2]) * data.scale
        at = alpha_bar[t].view(-1, 1, 1, 1)
        x = at.sqrt() * x0 + (1 - at).sqrt() * noise[1]
        with torch.autocast(device.type, torch.bfloat16, enabled=device.type == "cuda"):
            out = difference(torch.cat([x, mask, shown], 1), t, states.float()).float()
        wanted = noise[1] if prediction == "epsilon" else at.sqrt() * noise[1] - (1 - at).sqrt() * x0
        weight = mask + OUTSIDE * (1 - mask)
        error = (out - wanted).square().mean(1, keepdim=True)
        each = (error * weight).mean((1, 2, 3)) / weight.mean((1, 2, 3))
        inside = (error * mask).sum() / mask.sum()
        whole = (each * level_weight(alpha_bar[t], prediction)).mean()
        return whole, {"inside": inside.detach()}

    nets = {"difference": difference}
    return Stage("inpaint", nets, batch, loss, steps, rates, batch_size, measure, sheet, shared=True)


def widened(unet: UNet2DConditionModel) -> UNet2DConditionModel:
    """A copy of the denoiser, as it is stored, that reads the further channels; they change nothing yet."""
    net = deepcopy(unet).half().float()
    widen(net, EXTRA)
    return net.requires_grad_(False)
