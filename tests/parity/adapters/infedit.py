"""InfEdit: three branches under shared noise, the alignment by meaning, both kinds of words, the edit."""

from collections.abc import Iterator, Mapping, Sequence
from math import ceil

import torch
from torch import Tensor

from overpaint.controls.kindred import kindred
from overpaint.inversions import Virtual
from overpaint.methods.infedit import InfEdit, prepared, tokens_of
from overpaint.noise import Replay
from overpaint.task import Task
from tests.parity.adapters.base import Adapter, Reach
from tests.parity.figures import Row
from tests.parity.walking import Taken, stretch, walked

LCM = "LCMScheduler of diffusers 0.42.1; use the stored timesteps"
BRANCHES = "src", "tgt", "mut"


class InfEditFile(Adapter):
    """``infedit``"""

    method = "infedit"
    inputs = frozenset({"x0", "start_noise", "step_noise"})
    beside = frozenset({"image"})
    spared = frozenset({"image", "edited"})

    def read(self) -> None:
        """Everything the published function is called with, and which of the two controllers it is."""
        s = self.settings
        s.must("timestep_rule", LCM)
        s.must("strength", 1.0)
        s.must("denoise_model", False)
        self.steps = s.count("num_inference_steps")
        inversion = Virtual(eta=s.number("eta"), source_guidance=s.number("guidance_source"))
        controllers = {"run_pie_bench.py variant": "mutual", "app_infedit.py variant": "source"}
        share = s.number("self_replace_steps")
        self.options = InfEdit.model_validate(
            {
                "steps": self.steps,
                "known": s.count("original_inference_steps"),
                "guidance": s.number("guidance_target"),
                "inversion": inversion,
                "cross_replace": s.number("cross_replace_steps"),
                # The published window ends a step early where the share falls on a whole step.
                "self_replace": max(0, ceil(share * self.steps - 1e-9) - 1) / self.steps,
                "follow": s.one_of("controller_source", controllers),
                "blend": s.text("local"),
                "blend_threshold": s.number("thresh_e"),
                "stay": s.text("mutual"),
                "stay_threshold": s.number("thresh_m"),
                "official": True,
            }
        )
        self.source, self.target = self.text("source_prompt"), self.text("target_prompt")

    def kept(self) -> Mapping[str, Sequence[int]]:
        """The noise of the first step."""
        return {"step_noise": (0,), "branches": (0,)}

    def rows(self, reach: Reach) -> int:
        """Five a step."""
        return 5 * (self.steps if reach == "whole" else 1)

    def asked(self) -> Task:
        """The edit, with the file's draws; where one was not kept there is none."""
        golden, called = self.golden, self.options.inversion.called
        draws: dict[tuple[str | int, ...], Tensor] = {(called, "start"): golden["start_noise"]}
        draws |= {(called, self.steps - i): torch.zeros_like(golden["x0"]) for i in range(self.steps)}
        draws |= {(called, self.steps - i): noise[None] for i, noise in golden.entries("step_noise")}
        shape = self.model.shape(512, 512)
        null = self.model.family.null()
        return Task(shape, null, Replay(draws), golden["x0"], self.source, self.target)

    def words(self, task: Task) -> Iterator[Row]:
        """Which token follows which, and which are named."""
        golden, (alignment, pairs) = self.golden, kindred(task.source, task.target, official=True)
        aligned = golden["mapper_alphas"] > 0
        yield self.exactly("mapper_alphas", alignment.kept)
        mine = torch.where(aligned, alignment.matrix.argmax(0), golden["mapper"])
        yield self.exactly("mapper", mine)
        for name, given in (("alpha_local", self.options.blend), ("alpha_mutual", self.options.stay)):
            chosen = torch.zeros_like(golden[name])
            chosen[tokens_of(given, task, pairs)] = 1
            yield self.exactly(name, chosen)

    def ends(self) -> Iterator[Row]:
        """The words, and the first step."""
        task = self.asked()
        yield from self.words(task)
        walk, controls, blend = prepared(self.options, self.model, task)
        yield from self.levels(walk.path)
        (taken,) = stretch(self.model, walk, walk.xs, range(1), controls, blend)
        yield self.states({0: taken})

    def whole(self) -> Iterator[Row]:
        """Everything; the published code puts the last latents under noise again, to no effect."""
        if len(self.golden.places("step_noise")) < self.steps:
            yield from self.ends()
            return
        task = self.asked()
        yield from self.words(task)
        walk, controls, blend = prepared(self.options, self.model, task)
        yield from self.levels(walk.path)
        taken = walked(self.model, walk, *controls, after=blend)
        yield self.states({one.i: one for one in taken[:-1]})
        yield self.compare("edited", taken[-1].xs["tgt"])

    def states(self, taken: Mapping[int, Taken]) -> Row:
        """All three branches after the kept steps."""
        kept = self.golden.numbers("kept_steps")
        mine = {
            k: torch.cat([taken[step].xs[name] for name in BRANCHES])
            for k, step in enumerate(kept)
            if step in taken
        }
        return self.series("branches", mine)
