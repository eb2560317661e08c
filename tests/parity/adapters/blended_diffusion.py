"""Blended diffusion in pixel space: guided means, blends, warped copies, results and their ranks."""

from collections.abc import Iterator

import torch
from torch import Tensor
from torch.nn.functional import interpolate, normalize

from overpaint.guides import Plain
from overpaint.losses.clip import arc
from overpaint.losses.views import Warp, extended
from overpaint.masks.blend import Blend
from overpaint.methods.blended_diffusion import BEHIND, BlendedDiffusion, drawn
from overpaint.model import Branch
from overpaint.network import Text
from overpaint.noise import Key, Replay
from overpaint.path import Prediction, Schedule
from overpaint.sample import ancestral, ddim
from overpaint.task import Task
from tests.parity.adapters.base import Adapter, Reach
from tests.parity.analytic import LINEAR, AnalyticEye, analytic, bars, eps_of, waves
from tests.parity.figures import Row
from tests.parity.walking import watched

WISH = "the wish"
BLENDS = {
    "after step, background at the current index, fresh noise shared by the batch": True,
    "none (background losses instead)": False,
}
ABAR = bars(LINEAR).float()


def formula(x: Tensor, t: int, text: Text) -> Tensor:
    """The network of the notes: the noise, and what it learned of the variance."""
    return torch.cat([eps_of(x, ABAR[t], waves(*x.shape[-2:])), 0.7 * (2 * x + 0.01 * t).sin()], 1)


class BlendedDiffusionFile(Adapter):
    """``blended_diffusion``"""

    method = "blended_diffusion"
    measure = "norm"
    inputs = frozenset(
        {
            "augment_applied",
            "augment_example_input",
            "augment_grid",
            "background_noise",
            "clip_image_weight",
            "mask",
            "source",
            "start_noise",
            "step_noise",
            "text_embedding",
        }
    )

    def read(self) -> None:
        """One run of the editor."""
        s = self.settings
        for name, known in (
            ("enforce_background", True),
            ("invert_mask", False),
            ("lpips_sim_lambda", 0),
            ("clip_distance", "2*arcsin(|a-b|/2)^2"),
            ("beta_schedule", "linear 1e-4..0.02, 1000"),
            ("eta", 0),
        ):
            s.must(name, known)
        steps, blended = s.count("respaced_steps"), s.one_of("blend", BLENDS)
        s.must("timestep_respacing", str(steps))
        s.must("local", not blended)
        self.count, skipped = s.count("batch_size"), s.count("skip_timesteps")
        # The published square is a mean over the batch, the product's one over each picture.
        outside = 0.0 if blended else s.number("l2_sim_lambda") / self.count
        self.o = BlendedDiffusion(
            steps=steps,
            skip=skipped / steps,
            strength=s.number("clip_guidance_lambda"),
            copies=s.count("aug_num"),
            colours=s.number("range_lambda"),
            shift="noise" if s.flag("ddim", False) else "mean",
            outside=outside,
            samples=self.count,
        )
        units, side = s.part("clip_normalisation"), s.count("clip_input_side")
        if units is None:
            raise s.odd("clip_normalisation", None)
        said = {WISH: self.golden["text_embedding"]}
        self.eye = AnalyticEye.of(self.golden["clip_image_weight"], said, side, units)
        schedule = Schedule(bars(LINEAR), "epsilon", to_one=True, spacing="linspace")
        self.model = analytic(formula, schedule, self.golden["source"].shape[-1])
        self.model.open_eye = lambda: self.eye
        self.path = self.model.path(steps).last(self.o.walked)

    def rows(self, reach: Reach) -> int:
        """A formula costs next to nothing."""
        return 1

    def ends(self) -> Iterator[Row]:
        """The walk is short: all of it."""
        return self.whole()

    def whole(self) -> Iterator[Row]:
        """Every candidate, step by step."""
        yield from self.levels(self.path)
        yield self.example()
        runs = [self.run(k) for k in range(self.count)]
        for name, several in (("pred_x0", 0), ("gradient", 1), ("guided_mean", 2), ("latents", 3)):
            arrays = [run[several] for run in runs]
            stored = {i: torch.cat([one[i] for one in arrays]) for i in range(len(self.path))}
            if several == 2 and self.o.shift == "noise":
                continue
            yield self.series(name, stored)
        end = torch.cat([run[4] for run in runs])
        shown = (end.clamp(-1, 1) + 1) / 2
        yield self.compare("output", shown)
        yield self.compare("rank_distance", self.distance(shown))

    def request(self) -> Task:
        """What a user would ask for."""
        golden, source = self.golden, self.golden["source"][None]
        draws = dict[tuple[Key, ...], Tensor]()
        for k in range(self.count):
            draws[("start", self.name(k))] = golden["start_noise"][k : k + 1]
            draws |= {
                ("step", self.name(k), i): noise[k : k + 1] for i, noise in enumerate(golden["step_noise"])
            }
        if "background_noise" in golden:
            draws |= {("blend", i): noise[None] for i, noise in enumerate(golden["background_noise"])}
        family = self.model.family
        return Task(
            (1, 3, source.shape[-2], source.shape[-1]),
            family.null(),
            Replay(draws),
            given_x0=source,
            given_target=family.text(WISH),
            given_pixels=source,
            given_mask=golden["mask"][None],
        )

    def name(self, k: int) -> str:
        """What the product calls a candidate."""
        return "tgt" if k == 0 else f"tgt{k + 1}"

    def warps(self, k: int, i: int) -> tuple[Warp, ...]:
        """The stored warps of a candidate's copies at a step."""
        grids, on = self.golden["augment_grid"][i], self.golden["augment_applied"][i]
        own = slice(k, None, self.count)
        return Warp(grids[0, own], on[0, own], "border"), Warp(grids[1, own], on[1, own])

    def example(self) -> Row:
        """The copies of all candidates at the first step, copy after copy."""
        made = [
            extended(one[None], self.eye.side, self.o.copies, self.warps(k, 0))
            for k, one in enumerate(self.golden["augment_example_input"])
        ]
        return self.compare("augment_example_output", torch.stack(made, 1).flatten(0, 1))

    def run(self, k: int) -> tuple[list[Tensor], list[Tensor], list[Tensor], list[Tensor], Tensor]:
        """One candidate: beliefs, pulls, guided means, states after each step, and the end."""
        model, task, name = watched(self.model), self.request(), self.name(k)
        end = drawn(self.o, model, task, name, lambda i, _count, _side: self.warps(k, i))
        entered, said = [xs[name] for xs in model.entered], [ps[name] for ps in model.said]
        pulls, means = list[Tensor](), list[Tensor]()
        for i, p in enumerate(said):
            mean, _ = self.path.posterior(p, i)
            pulls.append(self.pull(p, entered[i], i))
            means.append(mean + self.path.variance(p, i) * pulls[-1])
        states = [*entered[1:], self.last(task, said[-1], entered[-1], k)]
        return [p.x0 for p in said], pulls, means, states, end

    def pull(self, p: Prediction, x: Tensor, i: int) -> Tensor:
        """A guide's pull: handed on, or what it did to the noise."""
        if p.pull is not None:
            return p.pull
        plain = self.model.predict({"x": x}, i, self.path, [Branch("x", Plain(self.model.family.null()))])[
            "x"
        ]
        return (plain.eps - p.eps) / self.path.sigma[i]

    def last(self, task: Task, p: Prediction, x: Tensor, k: int) -> Tensor:
        """The state after the last step, which the product leaves out: its result is the belief there."""
        i, mask = len(self.path) - 1, task.region()
        step = ddim if self.o.shift == "noise" else ancestral(lambda i: self.golden["step_noise"][i][k][None])
        moved = step(self.path, i, x, p)
        if self.o.outside:
            return moved
        return Blend(self.path, task.x0, [mask], task.noise, BEHIND).after(i, {"x": moved})["x"]

    def distance(self, shown: Tensor) -> Tensor:
        """The published rank: before black, and not in CLIP's units."""
        small = interpolate(
            shown * self.golden["mask"][None],
            (self.eye.side, self.eye.side),
            mode="bilinear",
            antialias=True,
        )
        return arc(normalize(self.eye.bare(small), dim=-1), self.eye.read([WISH]))
