"""GLIDE in pixel space: the base network's hole, its upsampler, and guidance by a noise-aware CLIP."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from math import cos, pi

import torch
from torch import Tensor
from torch.nn.functional import adaptive_avg_pool2d, interpolate, normalize

from overpaint.guides import Beside, Plain
from overpaint.guides.known import Known
from overpaint.guides.noisy_clip import Pulled
from overpaint.masks.erased import known
from overpaint.methods.glide import Glide, Sampler, guide, painted
from overpaint.model import Guide, Model
from overpaint.network import Text
from overpaint.noise import Replay
from overpaint.path import Path, Schedule
from overpaint.task import Task
from tests.parity.adapters.base import Adapter, Reach
from tests.parity.analytic import LINEAR, AnalyticFamily, bars, eps_of, waves
from tests.parity.figures import Row
from tests.parity.walking import Watched, watched

TRAINED = 1000
PUSH = torch.tensor([0.5, -0.4, 0.3]).view(1, 3, 1, 1)
"""Where a prompt moves the picture the network has in mind."""
SECTIONS = {"fast27": "10,10,3,2,2"}
LOGIT = 100


def cosine() -> Tensor:
    """The betas of ``squaredcos_cap_v2``."""
    left = [cos((k / TRAINED + 0.008) / 1.008 * pi / 2) ** 2 for k in range(TRAINED + 1)]
    return torch.tensor([min(1 - b / a, 0.999) for a, b in pairwise(left)], dtype=torch.float64)


def spaced(said: str) -> Tensor:
    """The training levels of a respacing, noisiest first: so many from each of equal sections."""
    counts = [int(one) for one in SECTIONS.get(said, said).split(",")]
    length, more = divmod(TRAINED, len(counts))
    taken, start = list[int](), 0
    for k, count in enumerate(counts):
        size = length + (k < more)
        stride = (size - 1) / (count - 1) if count > 1 else 1
        taken += [start + round(stride * n) for n in range(count)]
        start += size
    if said in SECTIONS:
        taken[-1] = 997
    return torch.tensor(sorted(taken, reverse=True))


def network(betas: Tensor, size: tuple[int, int], extra: int) -> Model:
    """The network of the notes for so many channels beside the picture's."""
    abar = bars(betas).float()

    def formula(n: Tensor, t: int, text: Text) -> Tensor:
        x, c, mu = n[:, :3], float(text.states.flatten()[0]), waves(*n.shape[-2:])
        match n.shape[1]:
            case 7:
                centre = (1 - n[:, 6:]) * (mu + c * PUSH) + n[:, 3:6]
            case 10:
                centre = (1 - n[:, 6:7]) * (n[:, 7:] + 0.2 * mu) + n[:, 3:6]
            case _:
                centre = mu + c * PUSH
        return torch.cat([eps_of(x, abar[t], centre), 0.7 * (2 * x + 0.01 * t + 0.3 * c).sin()], 1)

    schedule = Schedule(bars(betas), "epsilon", to_one=True)
    family = AnalyticFamily(schedule, max(size), extra=extra, formula=formula)
    return watched(Model(torch.nn.Identity(), family, name="analytic"))


@dataclass(frozen=True)
class NoisyEye:
    """The noise-aware CLIP of the notes."""

    weight: Tensor
    said: Tensor
    sees_noise: bool = True

    def read(self, prompts: Sequence[str]) -> Tensor:
        """What was stored."""
        return normalize(self.said[None], dim=-1)

    def through(self, x: Tensor, t: Tensor) -> Tensor:
        """``normalise(W tanh(flatten(pool(x + 0.3 cos(t / 200)))))``."""
        seen = adaptive_avg_pool2d(x + 0.3 * (t / 200).cos(), 4).flatten(1).tanh()
        return normalize(seen @ self.weight.T, dim=-1)


class GlideFile(Adapter):
    """``glide``"""

    method = "glide"
    measure = "norm"
    inputs = frozenset({"source_image", "source_image_up", "known_mask", "start_noise", "step_noise"})

    def read(self) -> None:
        """Either the base network with its upsampler, or CLIP."""
        s, self.clip = self.settings, "clip_image_weight" in self.golden
        s.must("base_schedule", "squaredcos_cap_v2, 1000")
        s.must("clip_denoised", True)
        self.size = s.take("size", lambda pair: (int(pair[0]), int(pair[1])))
        self.base = spaced(s.text("timestep_respacing"))
        self.weight = s.number("guidance_scale")
        if self.clip:
            s.must("logit_scale", LOGIT)
            s.must("eta", 0.0)
            return
        s.must("upsampler_schedule", "linear 1e-4..0.02, 1000")
        s.must("mask_polarity", "1 = known")
        s.must("cfg_order", "[cond, uncond], epsilon only; variance channels from the conditional call")
        s.label("hole")
        self.up, self.cooled = spaced(s.text("upsampler_respacing")), s.number("upsample_temp")

    def rows(self, reach: Reach) -> int:
        """A formula costs next to nothing."""
        return 1

    def ends(self) -> Iterator[Row]:
        """The walks are short: all of them."""
        return self.whole()

    def whole(self) -> Iterator[Row]:
        """Every belief and every state."""
        yield from self.guided() if self.clip else (*self.inpainted(), *self.enlarged())

    def request(self, noise: str, source: Tensor, hole: Tensor) -> Task:
        """What a user would ask for."""
        draws = {("step", i): one[None] for i, one in enumerate(self.golden[noise])}
        text = Text(torch.zeros(1, 1, 1))
        return Task(
            (1, 3, source.shape[-2], source.shape[-1]),
            text,
            Replay({**draws, ("start",): self.golden["start_noise"]}),
            given_x0=source,
            given_target=Text(torch.ones(1, 1, 1)),
            given_pixels=source,
            given_mask=hole,
        )

    def walk(self, model: Model, levels: Tensor, start: Tensor, guide: Guide, task: Task) -> "Walked":
        """The product's walk, noted."""
        assert isinstance(model, Watched)
        path = model.path().on(levels)
        end = painted(model, path, start, guide, "ancestral", task)
        return Walked.of(model, path, end)

    def inpainted(self) -> Iterator[Row]:
        """The base network, at its own size."""
        golden = self.golden
        task = self.request("step_noise", golden["source_image"], 1 - golden["known_mask"])
        model = network(cosine(), self.size, 4)
        o = Glide(guidance=self.weight, steps=len(self.base), cells="middle")
        yield self.exactly("base_timesteps", self.base)
        start = task.start()
        yield self.compare("base_network_input", torch.cat([start, known(task)], 1))
        made = self.walk(model, self.base, start, guide(o, model, task), task)
        yield self.series("base_pred_x0", made.believed)
        yield self.series("base_samples", made.states)
        kept = golden["known_mask"].expand_as(made.end) > 0
        yield self.exactly(
            "source_image", torch.where(kept, made.end, golden["source_image"]), "known region"
        )
        small = ((made.end + 1) * 127.5).round() / 127.5 - 1
        yield self.compare("low_res", small)

    def enlarged(self) -> Iterator[Row]:
        """The upsampler: the same parts, with the small picture beside the channels of the hole."""
        golden, source = self.golden, self.golden["source_image_up"]
        size = (source.shape[-2], source.shape[-1])
        around = interpolate(golden["known_mask"], size, mode="nearest")
        task = self.request("up_step_noise", source, 1 - around)
        large = interpolate(golden["low_res"], size, mode="bilinear", align_corners=False)
        beside = torch.cat([known(task), large], 1)
        start = golden["up_unit_noise"] * self.cooled
        yield self.exactly("up_timesteps", self.up)
        yield self.compare("up_network_input", torch.cat([start, beside], 1))
        shown = Beside(Plain(task.null), beside)
        led = Known(shown, task.x0, task.region(), bounded=True)
        made = self.walk(network(LINEAR, size, 7), self.up, start, led, task)
        yield self.series("up_samples", made.states)

    def guided(self) -> Iterator[Row]:
        """Both samplers, led by CLIP."""
        golden, whole = self.golden, torch.ones(1, 1, *self.size)
        yield self.exactly("timesteps", self.base)
        task = self.request("step_noise", torch.zeros(1, 3, *self.size), whole)
        plain = Known(Plain(task.target), task.x0, whole, bounded=True)
        samplers: tuple[tuple[str, Sampler], ...] = (("ddpm", "ancestral"), ("ddim", "ddim"))
        for name, sampler in samplers:
            model = network(cosine(), self.size, 0)
            assert isinstance(model, Watched)
            path = model.path().on(self.base)
            eye = NoisyEye(golden["clip_image_weight"], golden["text_embedding"])
            led = Pulled(plain, eye, eye.read([""]), self.weight, "mean" if name == "ddpm" else "noise")
            end = painted(model, path, task.start(), led, sampler, task)
            made = Walked.of(model, path, end)
            pulls = [led.pull(xs["tgt"], path.t[i]) for i, xs in enumerate(model.entered)]
            yield self.series(f"{name}_gradients", {i: one[0] for i, one in enumerate(pulls)})
            yield self.series(f"{name}_pred_x0", made.believed)
            yield self.series(f"{name}_samples", made.states)


@dataclass(frozen=True)
class Walked:
    """What a walk believed and where it went."""

    believed: dict[int, Tensor]
    states: dict[int, Tensor]
    end: Tensor

    @staticmethod
    def of(model: Watched, path: Path, end: Tensor) -> "Walked":
        """From the notes of a model."""
        believed = {i: one["tgt"][0] for i, one in enumerate(model.believed)}
        entered = [xs["tgt"][0] for xs in model.entered]
        return Walked(believed, dict(enumerate([*entered[1:], end[0]])), end)
