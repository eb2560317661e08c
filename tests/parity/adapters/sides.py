"""ControlNet and T2I-Adapter: what side networks say, what the network makes of it, the guided walk."""

from collections.abc import Iterator, Sequence
from dataclasses import replace

import torch

from overpaint.attention import Moment
from overpaint.guides import CFG
from overpaint.model import Branch, Line
from overpaint.network import Residuals, Side, Text
from overpaint.path import Latent, Path
from overpaint.sides import Condition, Control, ControlNet, Net, T2IAdapter, side_net
from overpaint.sides.controlnet import louder
from tests.parity.adapters.base import Adapter, Reach
from tests.parity.figures import Row, Unknown

SCHEDULERS = (
    "DDIM, timesteps k*(1000/ddim_steps)+1, final abar = abar[0]",
    "DDIM, timesteps k*floor(1000/steps)+1, final abar = abar[0]",
    "that of tiny-sd, eta 0",
)
RULE = "strength * 0.825**(12 - i), i = 0..12 (12 = middle)"
ROLE = "tgt+"


class Sided(Adapter):
    """A file about side networks: a probe of one call, and a walk."""

    measure = "norm"
    inputs = frozenset({"start_latents", "probe_latents"})
    sides: Sequence[Side]
    """As they speak in the walk."""
    prompt: Text
    path: Path
    level: int
    guide: CFG

    def condition(self, name: str, size: int) -> Condition:
        """A stored picture enlarged by repeating its pixels, in [0, 1]."""
        image = self.golden[name]
        times = size // len(image)
        pixels = image.repeat_interleave(times, 0).repeat_interleave(times, 1).permute(2, 0, 1)[None]
        return (pixels.float() / 255).contiguous()

    def net(self, folder: str, name: str) -> Net:
        """A side network beside the file."""
        return side_net(self.golden.file.parent / folder / f"{name}.safetensors", self.model)

    def negative(self) -> Text:
        """The text of the row without the prompt."""
        told = self.settings.get("negative_prompt")
        return self.model.family.null() if not told else self.text("negative_prompt")

    def said(self, side: Side) -> Residuals:
        """What a side network says of the probe."""
        at = Moment(0, 1, (ROLE,))
        return side.residuals(self.golden["probe_latents"], torch.tensor(self.level), self.prompt, at)

    def probe(self, name: str, *sides: Side) -> Row:
        """The network's answer to the probe while these speak."""
        path = self.model.path().on(torch.tensor([self.level]))
        with self.model.side(*sides):
            found = self.model.rows(self.golden["probe_latents"], 0, path, [ROLE], [Line("+", self.prompt)])
        return self.compare(name, found.eps)

    def walk(self, steps: int) -> dict[int, Latent]:
        """The first steps of the guided walk."""
        x, states = self.golden["start_latents"], dict[int, Latent]()
        with self.model.side(*self.sides):
            for i in range(steps):
                x = self.path.at(
                    self.model.predict({"tgt": x}, i, self.path, [Branch("tgt", self.guide)])["tgt"], i + 1
                )
                states[i] = x[0]
        return states

    def rows(self, reach: Reach) -> int:
        """Two a step, and the probes."""
        return 6 + 2 * (len(self.path) if reach == "whole" else 1)

    def ends(self) -> Iterator[Row]:
        """The probes and the first step."""
        yield from self.levels(self.path)
        yield from self.probes()
        yield self.series("latents", self.walk(1), "latents, first")

    def whole(self) -> Iterator[Row]:
        """The probes and all steps."""
        yield from self.levels(self.path)
        yield from self.probes()
        yield self.series("latents", self.walk(len(self.path)))

    def probes(self) -> Iterator[Row]:
        """What is compared at one level."""
        raise NotImplementedError


class ControlNetFile(Sided):
    """``controlnet``"""

    method = "controlnet"
    inputs = Sided.inputs | {"hint_image", "hint_image_0", "hint_image_1"}

    def read(self) -> None:
        """The published single net, or several nets with windows of their own."""
        s = self.settings
        size, self.level = s.count("size"), s.count("timestep")
        s.must("scheduler", *SCHEDULERS)
        s.must("eta", 0.0)
        self.prompt, self.several = self.text("prompt"), "weights" in s and isinstance(s.get("weights"), list)
        scale = s.number("guidance_scale" if self.several else "scale")
        self.guide = CFG(self.prompt, self.negative(), scale)
        self.path = self.path_of(s.count("num_inference_steps" if self.several else "ddim_steps"))
        if self.several:
            self.sides = self.nets(size)
        else:
            s.must("guess_scale_rule", RULE)
            how = Control(scale=s.number("strength"), guess="released" if s.flag("guess_mode") else "off")
            net = self.net("tiny-controlnet", s.text("weights"))
            self.sides = [ControlNet(net, self.condition("hint_image", size), how)]

    def nets(self, size: int) -> list[ControlNet]:
        """Several nets, each with its scale and its stretch of steps."""
        s = self.settings
        told = [
            s.get(name)
            for name in (
                "weights",
                "controlnet_conditioning_scale",
                "control_guidance_start",
                "control_guidance_end",
            )
        ]
        if len({len(one) for one in told}) != 1:
            raise Unknown("the lists of nets, scales, starts and ends differ in length")
        return [
            ControlNet(
                self.net("tiny-controlnet", name),
                self.condition(f"hint_image_{k}", size),
                Control(scale=scale, start=start, stop=stop),
            )
            for k, (name, scale, start, stop) in enumerate(zip(*told, strict=True))
        ]

    def probes(self) -> Iterator[Row]:
        """Every residual, and what comes of all of them, of the scaled ones, of the middle alone."""
        own = [one for one in self.sides if isinstance(one, ControlNet)]
        always = [replace(one, how=one.how.changed(start=0, stop=1)) for one in own]
        yield self.probe("probe_base")
        if self.several:
            yield from self.residuals(sum((self.said(one) for one in always), Residuals()))
            yield self.probe("probe_control", *always)
            return
        (one,) = own
        strength, plain = one.how.scale, replace(one, how=Control())
        with_picture = one.net.module.controlnet_cond_embedding
        yield self.compare("hint_features", with_picture(one.condition))
        yield self.compare("guess_scales", strength * torch.tensor(louder("released", 13)))
        yield from self.residuals(self.said(plain))
        for name, how in {
            "control": Control(),
            "strength": Control(scale=strength),
            "only_mid": Control(scale=strength, only_mid=True),
            "guess": Control(scale=strength, guess="released"),
        }.items():
            yield self.probe(f"probe_{name}", replace(one, how=how))

    def residuals(self, said: Residuals) -> Iterator[Row]:
        """Skips fine to coarse, then the middle."""
        assert said.mid is not None
        for k, one in enumerate((*said.down, said.mid)):
            yield self.compare(f"residual_{k:02d}", one)


class T2IAdapterFile(Sided):
    """``t2i_adapter``"""

    method = "t2i_adapter"
    inputs = Sided.inputs | {"condition_image_0", "condition_image_1"}

    def read(self) -> None:
        """Which adapters, how strongly, for which share of the steps."""
        s = self.settings
        size, self.level = s.count("size"), s.count("timestep")
        s.must("scheduler", *SCHEDULERS)
        s.must("eta", 0.0)
        self.prompt = self.text("prompt")
        self.guide = CFG(self.prompt, self.negative(), s.number("scale"))
        self.path = self.path_of(s.count("steps"))
        names, weights, tau = s.get("adapters"), s.get("cond_weight"), s.number("cond_tau")
        self.adapters = [
            T2IAdapter(
                self.net("tiny-t2i-adapter", name),
                self.condition(f"condition_image_{k}", size),
                Control(scale=weight, stop=tau),
            )
            for k, (name, weight) in enumerate(zip(names, weights, strict=True))
        ]
        self.sides = self.adapters
        self.built(names)

    def built(self, names: Sequence[str]) -> None:
        """What the file says of the networks, held against what was read from theirs."""
        s, kinds = self.settings, self.settings.part("kinds")
        channels, factor = s.get("channels"), s.count("downscale_factor")
        for name, one in zip(names, self.adapters, strict=True):
            told = None if kinds is None else kinds.part(name)
            if told is None:
                raise Unknown(f"nothing is said of the adapter {name!r}")
            found = dict(one.net.module.config)
            light = found["adapter_type"] == "light_adapter"
            told.must("type", found["adapter_type"])
            told.must("in_channels", found["in_channels"])
            told.must("num_res_blocks", found["num_res_blocks"])
            if found["channels"] != (channels[:-1] if light else channels):
                raise Unknown(f"the adapter {name!r} has the widths {found['channels']}")
            if found["downscale_factor"] != factor:
                raise Unknown(f"the adapter {name!r} has the factor {found['downscale_factor']}")

    def probes(self) -> Iterator[Row]:
        """Features, their weighted sum, what comes of each and of the sum, and the steps they act in."""
        yield self.probe("probe_base")
        for k, one in enumerate(self.adapters):
            for level, feature in enumerate(one.features):
                yield self.compare(f"features_{k}_level_{level}", feature)
            yield self.probe(f"probe_adapter_{k}", replace(one, how=Control()))
        always = [replace(one, how=one.how.changed(stop=1)) for one in self.adapters]
        summed = sum((self.said(one) for one in always), Residuals())
        for level, feature in enumerate(summed.intra):
            yield self.compare(f"summed_level_{level}", feature)
        yield self.probe("probe_summed", *always)
        speaks = [self.adapters[0].speaks(Moment(k, len(self.path))) for k in range(len(self.path))]
        yield self.exactly("adapter_active", torch.tensor(speaks).int())
