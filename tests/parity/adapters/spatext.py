"""SpaText: the painted map, the widened convolution and both kinds of guidance, by the published formulas."""

from collections.abc import Iterator
from typing import Any

import torch
from diffusers.models.unets.unet_2d_condition import UNet2DConditionModel
from torch import Tensor
from torch.nn.functional import interpolate

from overpaint.families.widen import widen
from overpaint.guides.conditions import Conditions
from overpaint.masks.regions import painted
from overpaint.meter import Meter
from overpaint.model import Call, Line
from overpaint.path import Prediction
from tests.parity.adapters.base import Adapter, Reach
from tests.parity.figures import Row


class SpaTextFile(Adapter):
    """``spatext``"""

    method = "spatext"
    measure = "norm"

    def read(self) -> None:
        """The scales; the rest has one meaning."""
        s = self.settings
        self.scales: tuple[float, ...] = s.take("scales", tuple)
        self.fast = s.number("fast_scale")
        s.must("embedding_dim", self.golden["vectors"].shape[-1])
        s.must("regions", len(self.golden["masks"]))
        s.must("overlap", "later region wins")
        s.must("latent_resize", "nearest")

    def rows(self, reach: Reach) -> int:
        """No network takes part."""
        return 1

    def ends(self) -> Iterator[Row]:
        """All of it."""
        yield from self.whole()

    def whole(self) -> Iterator[Row]:
        """The map, what a network makes of it first, and what guidance makes of predictions."""
        golden, latent = self.golden, self.golden["latent"]
        masks, vectors = golden["masks"].float(), golden["vectors"]
        yield self.compare("st_map", painted(vectors, masks)[0])
        height, width = latent.shape[-2:]
        told = painted(vectors, interpolate(masks[None], (height, width), mode="nearest")[0])
        yield self.compare("st_latent", told[0])
        yield self.compare("conv_output", self.first(torch.cat([latent, told], 1)))
        one, two = (self.belief(eps) for eps in golden["eps_conditions"])
        both, null = self.belief(golden["eps_all"]), self.belief(golden["eps_null"])
        yield self.compare(
            "eps_multi", self.guided(null, {"+": (one, self.scales[0]), "#": (two, self.scales[1])})
        )
        yield self.compare("eps_fast", self.guided(null, {"+": (both, self.fast)}))

    def first(self, inputs: Tensor) -> Tensor:
        """The first convolution of a network that was widened."""
        golden, make = self.golden, UNet2DConditionModel
        outputs, channels = golden["conv_weight"].shape[:2]
        blocks: Any = ("DownBlock2D",), ("UpBlock2D",), (outputs,)
        net = make(
            in_channels=channels,
            down_block_types=blocks[0],
            up_block_types=blocks[1],
            block_out_channels=blocks[2],
            layers_per_block=1,
            norm_num_groups=4,
        )
        with torch.no_grad():
            net.conv_in.weight.copy_(golden["conv_weight"])
            net.conv_in.load_state_dict({**net.conv_in.state_dict(), "bias": golden["conv_bias"]})
            widen(net, golden["conv_weight_new"].shape[1], golden["conv_weight_new"])
            return net.conv_in(inputs)

    def belief(self, eps: Tensor) -> Prediction:
        """A prediction with this noise."""
        return Prediction(torch.zeros_like(eps)[None], eps[None])

    def guided(self, null: Prediction, told: dict[str, tuple[Prediction, float]]) -> Tensor:
        """What the guide makes of rows."""
        text = self.model.family.null()
        lines = [(Line(sign, text), scale) for sign, (_, scale) in told.items()]
        guide = Conditions(Line("-", text), lines)
        own = {"-": null, **{sign: p for sign, (p, _) in told.items()}}
        call = Call(0, self.model.path(2), 0, null.x0, {}, Meter())
        return guide.combine(own, call).eps[0]
