"""Text2LIVE: every loss of a step and its gradient; the generator and three steps of its optimiser."""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Any

import torch
from torch import Tensor
from transformers import CLIPVisionModelWithProjection

from overpaint.families.clip import ClipEye
from overpaint.losses.glances import shrunk, sized
from overpaint.losses.layers import GREEN, LayerLoss, Sayings, over, screen
from overpaint.meter import Meter
from overpaint.noise import Key
from overpaint.tune.edit_layer import DECAY, LayerLearning
from overpaint.tune.learn import learn
from overpaint.tune.madgrad import Madgrad
from overpaint.tune.skip_net import SkipNet
from tests.kit import numbers
from tests.parity.adapters.base import Adapter, Reach
from tests.parity.figures import Row

TOWER = "tiny-clip-vision"
TERMS = {
    "loss_comp_clip": "words",
    "loss_comp_dir": "direction",
    "loss_screen": "screen",
    "loss_structure": "layout",
    "loss_sparsity_l1": "opacity",
    "loss_sparsity_l0": "count",
    "loss_bootstrap": "region",
}
PLACES = {"skip": "1.0.1.1", "down": "1.1.1.1", "deep": "1.1.4.1", "up": "3.1", "out": "6.1"}
NORMS = {"skip": "1.0.2", "down": "1.1.2", "deep": "1.1.5", "both": "2", "up": "4", "out": "7"}
"""Where the published generator has the layers and norms of a scale."""


def there(name: str) -> str:
    """The published name of a parameter."""
    layer, kind = name.split("/")
    if layer == "head":
        return f"8.1.{kind}"
    scale, role, *norm = layer.split(".")
    return "1.1.7." * int(scale) + (NORMS if norm else PLACES)[role] + f".{kind}"


def rows(several: Tensor) -> list[Tensor]:
    """Each by itself."""
    return [one[None] for one in several]


class Text2LIVEFile(Adapter):
    """``text2live``"""

    method = "text2live"
    measure = "norm"

    def read(self) -> None:
        """Either kind of file."""
        s = self.settings
        self.generates = "num_scales" in s
        if self.generates:
            self.net = SkipNet(s.count("num_scales"), s.count("channels"), s.count("skip_channels"))
            stated = (
                "MADGRAD lr 2.5e-3, weight decay 0.01, momentum 0.9; after each step lr = max(1e-5, 0.99*lr)"
            )
            s.must("optimiser", stated)
            return
        self.learning = LayerLearning(
            views=s.count("n_aug"),
            words=s.number("lambda_composition"),
            screen=s.number("lambda_screen"),
            layout=s.number("lambda_structure"),
            thin=s.number("lambda_sparsity"),
            far=s.one_of("text_criterion", {"spherical": "spherical", "cosine": "cosine"}),
            region=s.number("lambda_bootstrap"),
            region_updates=s.count("bootstrap_epoch"),
            region_fall=s.one_of(
                "bootstrap_scheduler", {w: w for w in ("linear", "exponential", "constant")}
            ),
            region_least=s.number("lambda_bootstrap_min"),
            published=True,
        )
        self.k, self.blocks = s.count("step"), s.count("clip_layers") - 1 - s.count("relevancy_num_layers")
        self.other = s.flag("use_negative_bootstrap")
        self.sure = s.number("bootstrap_negative_map_threshold", 0.6)
        self.thin = s.number("lambda_alpha_l1"), s.number("lambda_alpha_l0")
        self.side = s.count("clip_input_side")
        s.must("bootstrapping_min_cover", 1)
        s.must("logit_scale", 100)
        if s.take("green_screen", tuple) != GREEN:
            raise s.odd("green_screen", None)
        units = s.part("clip_normalisation")
        if self.blocks != 1 or units is None:
            raise s.odd("relevancy_num_layers", self.blocks)
        make: Any = CLIPVisionModelWithProjection
        tower: Any = make.from_pretrained(self.golden.file.parent / TOWER)
        mean, spread = (tuple(units.get(name)) for name in ("mean", "std"))
        vision = tower.float().eval().requires_grad_(False)
        self.eye = ClipEye(vision, None, torch.zeros(0), None, mean, spread)

    def bound(self, name: str) -> float:
        """What the files state in parentheses, and after what it is for."""
        if name in ("grad_rgba", "relevancy", "relevancy_negative"):
            return 1e-3
        return 1e-5 if self.generates and name == "output" else 1e-4

    def rows(self, reach: Reach) -> int:
        """No denoiser takes part."""
        return 1

    def ends(self) -> Iterator[Row]:
        """A single step: all of it."""
        yield from self.whole()

    def whole(self) -> Iterator[Row]:
        """The generator, or the losses."""
        yield from self.generated() if self.generates else self.losses()

    def generated(self) -> Iterator[Row]:
        """What it gives, and what three updates make of it."""
        golden, picture = self.golden, self.golden["input"]
        weights = {n: golden[f"weight.{there(n)}"].clone().requires_grad_() for n in self.net.shapes}
        yield self.compare("output", self.net(weights, picture))

        def loss(k: int) -> Tensor:
            made = self.net(weights, picture)
            return (made[:, :3] - 0.25).square().mean() + 0.5 * made[:, 3:].mean()

        updates, how = len(golden["train_losses"]), LayerLearning()
        losses = learn(Meter(), weights, loss, updates, how.pace, rule=lambda ps: Madgrad(ps, DECAY))
        yield self.compare("train_losses", torch.tensor(losses))
        yield self.compare("output_trained", self.net(weights, picture))
        for name, value in weights.items():
            if f"trained.{there(name)}" in golden:
                yield self.compare(f"trained.{there(name)}", value)

    def losses(self) -> Iterator[Row]:
        """The losses at one step, what they are made of, and the gradient to the layers."""
        golden = self.golden
        free = golden["rgba"].clone().requires_grad_()
        with torch.enable_grad():
            pictures, layers = rows(golden["images"]), rows(free)
            loss = self.loss()
            terms = loss.terms(self.k, pictures, layers, True)
            total = self.loss()(self.k, pictures, layers, self.learning.weight(self.k))
            (grad,) = torch.autograd.grad(total, free)
        for name, own in TERMS.items():
            yield self.compare(name, terms[own].view(1))
        mean, count = self.thin
        yield self.compare("loss_sparsity", (mean * terms["opacity"] + count * terms["count"]).view(1))
        yield self.compare("loss", total.view(1))
        yield self.compare("grad_rgba", grad)
        made = [over(*pair) for pair in zip(layers, pictures, strict=True)]
        yield self.compare("composite", torch.cat(made))
        yield self.compare("edit_on_greenscreen", torch.cat([screen(layer) for layer in layers]))
        yield self.compare("self_similarity_input", loss.inside(pictures[0]))
        yield self.compare("self_similarity_composite", loss.inside(made[0]))
        yield self.compare("relevancy", loss.found(pictures[0], golden["text_boot"])[0])
        if self.other:
            yield self.compare("relevancy_negative", loss.found(pictures[0], golden["text_neg"])[0])
        whole = sized(pictures[0], (self.side, self.side))
        yield self.compare("image_embedding", self.eye.glance(whole * 2 - 1)[0])

    def loss(self) -> LayerLoss:
        """The losses, with the stored draws in the order in which they were drawn."""
        golden, how = self.golden, self.learning
        crops = [numbers(one) for one in golden["crops"]]
        picked = {"words": "indices_comp", "direction": "indices_dir", "screen": "indices_screen"}

        def look(picture: Tensor, *key: Key) -> Tensor:
            whole = shrunk(picture, self.side, self.side * 10 // 7)
            parts = [whole]
            for _ in range(how.views - 1):
                top, left, height, width = crops.pop(0)
                cut = picture[..., top : top + height, left : left + width]
                parts.append(sized(cut, (whole.shape[-2], whole.shape[-1])))
            return torch.cat(parts)

        def pick(k: int, name: str, count: int) -> Sequence[int]:
            return golden.numbers(picked[name])

        said = [golden[f"text_{name}"] for name in ("comp", "src", "screen", "boot", "neg")]
        sayings = Sayings(said[0], said[1], said[2], said[3], said[4] if self.other else None)
        worth = replace(how.worth, opacity=self.thin[0], count=self.thin[1])
        return LayerLoss(
            self.eye, sayings, look, pick, Meter(), worth, how.far, sure=self.sure, published=True
        )
