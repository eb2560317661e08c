"""Blended latent diffusion in its published forms: masks, what the network sees at each step, results."""

import re
from collections.abc import Iterator, Sequence
from typing import Any

import torch
from torch import Tensor

from overpaint.methods.blended_latent import BlendedLatent
from overpaint.noise import Key, Replay
from overpaint.outcome import Outcome
from overpaint.task import Task
from tests.parity.adapters.base import Adapter, Reach
from tests.parity.adapters.inpaint import enlarged
from tests.parity.figures import Row, Unknown
from tests.parity.settings import Settings
from tests.parity.walking import Watched, watched

WHEN = {"before the step": "before", "after the step": "after"}
LEVEL = {
    "the timestep of the step about to run": "current",
    "the timestep of the step just executed": "current",
}
NOISE = {"fresh per step, one draw shared by the batch": "shared", "fresh per step and per sample": "own"}
LDM_SCHEDULE = "DDIM, timesteps k*floor(1000/ddim_steps)+1, last step goes to abar of timestep 0"


class BlendedLatentFile(Adapter):
    """``blended_latent_diffusion``"""

    method = "blended_latent_diffusion"
    measure = "norm"
    inputs = frozenset(
        {
            "source_latents",
            "source_posterior_noise",
            "start_noise",
            "start_latents",
            "blend_noise",
            "pixel_posterior_noise",
            "pixel_renoise",
        }
    )

    def read(self) -> None:
        """One of the two scripts, told apart by the names of their settings."""
        s = self.settings
        if "optimization_mode" in s:
            raise Unknown("the setting 'optimization_mode': nothing here reconstructs the background")
        self.size = s.count("size")
        self.prompt = self.text("prompt")
        self.null = self.model.family.text(s.text("negative_prompt", ""))
        self.inverts = s.flag("invert_mask", False)
        options = self.first_script(s) if "ddim_steps" in s else self.second_script(s)
        self.o = BlendedLatent.model_validate(options)
        self.path = self.model.path(self.o.steps, offset=self.o.offset).last(self.o.walked)
        self.names = ["tgt", *(f"tgt{k}" for k in range(2, self.o.samples + 1))]

    def first_script(self, s: Settings) -> dict[str, Any]:
        """The published form, over the latent model it was written for."""
        s.must("ddim_eta", 0)
        s.must("scheduler", LDM_SCHEDULE)
        steps, skip = s.count("ddim_steps"), s.count("skip_steps", 0)
        return {
            "steps": steps,
            "guidance": s.number("scale"),
            "samples": s.count("n_samples", 1),
            "skip": skip / steps,
            "start": "source",
            "offset": 1,
            "blend": {
                **blending(s),
                "cells": "middle",
                "dilation": s.count("mask_dilation_iterations", 0),
                "pixel_share": s.number("percentage_of_pixel_blending", 0),
            },
        }

    def second_script(self, s: Settings) -> dict[str, Any]:
        """The script for SD 2: from noise, and the background a step behind."""
        part = s.part("scheduler")
        if part is None:
            raise s.odd("scheduler", None)
        for name, known in (
            ("kind", "DDIM"),
            ("set_alpha_to_one", False),
            ("timestep_spacing", "leading"),
            ("eta", 0),
        ):
            part.must(name, known)
        s.must("latent_mask", "nearest resize, >= 0.5")
        s.must("source_latents", "posterior mean * 0.18215")
        return {
            "steps": s.count("num_inference_steps"),
            "guidance": s.number("guidance_scale"),
            "samples": s.count("batch_size", 1),
            "skip": s.number("blending_start_percentage"),
            "start": "noise",
            "offset": part.count("steps_offset", 1),
            "blend": {**blending(s), "cells": "corner", "end": "noisy"},
        }

    def bound(self, name: str) -> float:
        """The tighter tolerance that the file states for arrays behind which nothing was encoded again."""
        tight = re.search(r"\(([\d.e-]+) if the stored source latents", self.golden.meta["tolerance"])
        if tight is None or self.o.blend.pixel_share or name == "source_latents":
            return super().bound(name)
        return float(tight[1])

    def rows(self, reach: Reach) -> int:
        """Two a step and a sample, on a grid of their own size."""
        share = (self.size / 512) ** 2
        return max(1, round(2 * self.o.walked * self.o.samples * share))

    def ends(self) -> Iterator[Row]:
        """The walk is short: all of it."""
        return self.whole()

    def whole(self) -> Iterator[Row]:
        """Everything."""
        golden, pixels = self.golden, self.enlarged("source_image").mul(2).sub(1)
        yield self.exactly("timesteps", self.path.t)
        drawn = golden["source_posterior_noise"] if "source_posterior_noise" in golden else None
        encoded = self.model.family.encode(pixels, drawn)
        yield self.compare("source_latents", encoded)
        task = self.told(pixels)
        yield from self.masks(task)
        model = watched(self.model)
        outcome = self.o(model, task)
        assert isinstance(outcome, Outcome)
        yield from self.walked(model, outcome.latents)

    def told(self, pixels: Tensor) -> Task:
        """What a user would ask for, with the stored latent and draws."""
        mask = self.enlarged("mask_image")
        x0 = self.golden["source_latents"]
        _, channels, height, width = x0.shape
        return Task(
            (1, channels, height, width),
            self.null,
            Replay(self.draws()),
            given_x0=x0,
            given_target=self.prompt,
            given_pixels=pixels,
            given_mask=1 - mask if self.inverts else mask,
        )

    def enlarged(self, name: str) -> Tensor:
        """A stored picture in 0 to 1, its pixels repeated up to the size of the run."""
        return enlarged(self.golden[name], self.size, name)

    def draws(self) -> dict[tuple[Key, ...], Tensor]:
        """The stored draws by the names the method asks for."""
        golden, found = self.golden, dict[tuple[Key, ...], Tensor]()
        start = golden["start_noise" if self.o.start == "source" else "start_latents"]
        found |= {("blended", name): start[k : k + 1] for k, name in enumerate(self.names)}
        for i, noise in enumerate(golden["blend_noise"] if "blend_noise" in golden else ()):
            if self.o.blend.noise == "shared":
                found[("blend", i)] = noise
            else:
                found |= {("blend", name, i): noise[k : k + 1] for k, name in enumerate(self.names)}
        first = self.o.blend.latent_steps(self.o.walked)
        for called, array in (("encode", "pixel_posterior_noise"), ("again", "pixel_renoise")):
            for i, noise in enumerate(golden[array] if array in golden else ()):
                found |= {(called, name, first + i): noise[k : k + 1] for k, name in enumerate(self.names)}
        return found

    def masks(self, task: Task) -> Iterator[Row]:
        """The masks on the latent's grid."""
        mine = torch.cat(self.o.blend.masks(task))
        if "latent_masks" in self.golden:
            yield self.exactly("latent_masks", mine)
        if "latent_mask" in self.golden:
            yield self.exactly("latent_mask", mine[0])

    def walked(self, model: Watched, made: Sequence[Tensor]) -> Iterator[Row]:
        """What entered each step, what was believed there, what came out."""
        entered = [self.together(xs) for xs in model.entered]
        if "network_inputs" in self.golden:
            yield self.series("network_inputs", dict(enumerate(entered)))
        if "pred_x0" in self.golden:
            yield self.series("pred_x0", {i: self.together(xs) for i, xs in enumerate(model.believed)})
        end = torch.cat(list(made))
        if "latents" in self.golden:
            yield self.series("latents", dict(enumerate([*entered[1:], end])))
        if "final_latents" in self.golden:
            yield self.compare("final_latents", end)

    def together(self, xs: dict[str, Tensor]) -> Tensor:
        """The samples in the order of the file."""
        return torch.cat([xs[name] for name in self.names])


def blending(s: Settings) -> dict[str, Any]:
    """``blend``: when, at which level, under which noise."""
    part = s.part("blend")
    if part is None:
        raise s.odd("blend", None)
    return {
        "when": part.one_of("when", WHEN),
        "level": part.one_of("level", LEVEL),
        "noise": part.one_of("noise", NOISE),
    }
