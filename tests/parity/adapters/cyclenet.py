"""CycleNet: a translation step by step, and one step of training."""

from collections.abc import Iterator, Mapping
from copy import deepcopy
from dataclasses import replace
from typing import cast

import torch
from torch import Tensor, nn

from overpaint.methods.cyclenet import CycleNet
from overpaint.model import Model
from overpaint.network import together
from overpaint.noise import Replay
from overpaint.sides import Net, side_net
from overpaint.sides.cyclenet import WEIGHTS, Cycle, Passes, total
from overpaint.task import Task
from tests.parity.adapters.base import Adapter, Reach
from tests.parity.figures import Row
from tests.parity.walking import watched

ORDER = (
    "recon*L_rec + consis*L_con + disc*L_inv + cycle*L_cyc, "
    "each a mean over C,H,W per sample, then the batch mean"
)
PICKED = {"side": "grad_side.", "unet": "grad_unet."}
LEARNING = ("up_blocks.", "conv_norm_out.", "conv_out.")
"""What of the main network is trained beside the side network."""


class CycleNetFile(Adapter):
    """``cyclenet``"""

    method = "cyclenet"
    measure = "norm"
    inputs = frozenset(
        {
            "source_image",
            "source_images",
            "posterior_noise",
            "start_noise",
            "step_noise",
            "latents",
            "noise_x",
            "noise_y",
        }
    )

    def read(self) -> None:
        """A walk, where it names steps, else a step of training."""
        s = self.settings
        self.training = "ddim_steps" not in s
        self.size, name = s.count("size"), s.text("weights")
        s.must("side_network", "tiny-controlnet/control_a.safetensors (float16 storage, original keys)")
        self.place = self.golden.file.parent / "tiny-controlnet" / f"{name}.safetensors"
        if self.training:
            for loss, weight in WEIGHTS.items():
                s.must(f"{loss}_weight", weight)
            s.must("disc_mode", "eps")
            s.must("sd_locked", False)
            s.must("order_of_weights", ORDER)
            self.prompts = s.get("source_prompts"), s.get("target_prompts")
            return
        s.must("scheduler", "DDIM, timesteps k*(1000/steps)+1, final abar = abar[0]")
        self.how = CycleNet(
            net=str(self.place),
            steps=s.count("ddim_steps"),
            strength=s.number("denoise_strength"),
            guidance=s.number("scale"),
            eta=s.number("eta"),
        )
        self.source, self.target = self.text("source_prompt"), self.text("target_prompt")

    def rows(self, reach: Reach) -> int:
        """Two a step; or five passes for two pictures and the way back through them, and the fast ones."""
        return 40 if self.training else self.how.rows

    def ends(self) -> Iterator[Row]:
        """Everything: it is short."""
        yield from self.whole()

    def whole(self) -> Iterator[Row]:
        """The walk, or the step of training."""
        yield from self.trained() if self.training else self.walked()

    def pixels(self, name: str, by: float = 127.5) -> Tensor:
        """Stored pictures enlarged by repeating their pixels, as bytes over ``by`` less one."""
        image = self.golden[name]
        image = image if image.ndim == 4 else image[None]
        times = self.size // image.shape[1]
        large = image.repeat_interleave(times, 1).repeat_interleave(times, 2).permute(0, 3, 1, 2)
        return (large.float() / by - 1).contiguous()

    def walked(self) -> Iterator[Row]:
        """The noised picture, and every step of the way."""
        golden, model = self.golden, watched(self.model)
        path = model.path(self.how.steps).last(self.how.kept)
        yield from self.levels(path)
        encoded = model.family.encode(self.pixels("source_image", 127), golden["posterior_noise"])
        yield self.compare("source_latents", encoded)
        x0 = golden["source_latents"]
        drawn = {("cyclenet", "there"): golden["start_noise"]}
        drawn |= {("cyclenet", "there", k): one[None] for k, one in enumerate(golden["step_noise"])}
        task = Task(
            cast("tuple[int, int, int, int]", (1, *x0.shape[1:])),
            model.family.null(),
            Replay(cast("dict[tuple[str | int, ...], Tensor]", drawn)),
            x0,
            self.source,
            self.target,
            self.pixels("source_image"),
        )
        last = self.how(model, task)
        entered = [xs["tgt"] for xs in model.entered]
        yield self.compare("start_latents", entered[0])
        yield self.series("latents", {k: x[0] for k, x in enumerate([*entered[1:], cast(Tensor, last)])})

    def trained(self) -> Iterator[Row]:
        """All passes, losses and gradients, and those of the fast variant."""
        golden, model, net = self.golden, *self.free()
        source, target = (together([model.family.text(one) for one in each]) for each in self.prompts)
        picture, noises = (self.pixels("source_images") + 1) / 2, (golden["noise_x"], golden["noise_y"])
        yield self.compare("latents", model.family.encode(self.pixels("source_images")))
        given = golden["latents"], picture, source, target, golden["timesteps"], noises
        with torch.enable_grad():
            for fast, start in ((False, ""), (True, "fast_")):
                cycle = Cycle(model, net, model.family.decode, fast)
                made = cycle.passes(*given)
                losses = cycle.losses(made, noises)
                for name, loss in losses.items():
                    yield self.compare(f"{start}loss_{name}", loss)
                whole = total(losses)
                yield self.compare(f"{start}loss_total", whole[None])
                if not fast:
                    yield from self.passed(made)
                    whole.backward()  # pyright: ignore[reportUnknownMemberType]
                    yield from self.gradients(model, net)

    def free(self) -> tuple[Model, Net]:
        """Copies of both networks that may learn what was trained."""
        net = side_net(self.place, self.model)
        module = deepcopy(net.module).requires_grad_(True)
        model = Model(deepcopy(self.model.net), self.model.family)
        for name, p in model.net.named_parameters():
            p.requires_grad_(name.startswith(LEARNING))
        return model, replace(net, module=module)

    def passed(self, made: Passes) -> Iterator[Row]:
        """What the networks said."""
        for name in ("e1", "e2", "e3", "e4", "e5", "y0"):
            yield self.compare(name, cast(Tensor, getattr(made, name)))
        yield self.compare("hint_y", cast(Tensor, made.hint)[..., ::4, ::4])

    def gradients(self, model: Model, net: Net) -> Iterator[Row]:
        """Some gradients whole, and the length of all; the main encoder has none."""
        nets: Mapping[str, nn.Module] = {"side": net.module, "unet": model.net}
        norms = list[Tensor]()
        for which, module in nets.items():
            found = {name: p.grad for name, p in module.named_parameters() if p.grad is not None}
            norms.append(torch.stack([g.square().sum() for g in found.values()]).sum().sqrt())
            for array in sorted(self.golden.arrays):
                if array.startswith(PICKED[which]):
                    yield self.compare(array, found[array.removeprefix(PICKED[which])])
        yield self.compare("grad_norms", torch.stack(norms))
