"""CycleDiffusion: the noise of a walk towards the picture, and the walk under both prompts."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace

from overpaint.guides import CFG
from overpaint.inversions import Cycle
from overpaint.noise import Replay
from overpaint.path import Path
from tests.parity.adapters.base import Adapter, Reach
from tests.parity.figures import Row
from tests.parity.walking import Known


class CycleFile(Adapter):
    """``cycle_diffusion``"""

    method = "cycle_diffusion"
    inputs = frozenset({"noise", "x0"})
    beside = frozenset({"image", "posterior_noise"})
    spared = frozenset({"image", "posterior_noise", "reconstruction", "edited"})

    def read(self) -> None:
        """Steps, those that are skipped, how random the walk is, both prompts with their guidance."""
        s = self.settings
        s.must("variant", "official")
        steps, skip = s.count("num_inference_steps"), s.count("skip_steps")
        if not 0 <= skip < steps:
            raise s.odd("skip_steps", skip)
        s.must("strength", (steps - skip) / steps)  # the same, said in another way
        self.found = Cycle(
            skip=skip / steps,
            eta=s.number("eta"),
            source_guidance=s.number("encoder_guidance"),
            pinned=False,  # in the published code the source is decoded like any other prompt
        )
        self.scale = s.number("decoder_guidance")
        self.path: Path = self.path_of(steps)
        self.source, self.target = self.text("source_prompt"), self.text("target_prompt")
        self.walked = steps - skip

    def rows(self, reach: Reach) -> int:
        """One a step to find the noise, then three for both prompts."""
        return 4 * self.walked if reach == "whole" else len(self.golden.places("noise"))

    def kept(self) -> Mapping[str, Sequence[int]]:
        """The draws of the first step."""
        return {"noise": (0, 1), "recorded_noise": (0,)}

    def draws(self, steps: int) -> Replay:
        """The file's draws, by the names under which a walk of that many steps asks for them."""
        return Replay({(self.found.called, steps - i): self.golden.entry("noise", i) for i in range(steps)})

    def ends(self) -> Iterator[Row]:
        """The first steps, as far as there are draws; the last of them is walked to the picture instead."""
        path, steps = self.path.last(self.walked), len(self.golden.places("noise"))
        yield from self.levels(path)
        cut = replace(path, t=path.t[:steps], alpha=path.alpha[: steps + 1], sigma=path.sigma[: steps + 1])
        guide = CFG(self.source, self.model.family.null(), self.scale)
        traj = self.found.run(self.model, cut, self.golden["x0"], guide, self.draws(steps))
        assert traj.noise is not None
        yield self.compare("x_start", traj.start)
        known = traj.noise if steps == self.walked else traj.noise[:-1]
        yield self.series("recorded_noise", dict(enumerate(known)))
        self.model.cache = Known(traj)

    def whole(self) -> Iterator[Row]:
        """Everything; the picture's latent is a draw too."""
        yield from self.ends()
        golden, texts = self.golden, (self.source, self.target, self.model.family.null())
        if len(golden.places("noise")) < self.walked:
            return
        image, family = golden["image"].repeat_interleave(8, 0).repeat_interleave(8, 1), self.model.family
        pixels = (image.permute(2, 0, 1)[None].float() / 127.5 - 1).contiguous()
        mine = family.encode(pixels, golden["posterior_noise"])
        yield self.compare("x0", mine, called="x0 of the image")
        for name, role in (("reconstruction", "src"), ("edited", "tgt")):
            walk = self.found.walk(self.model, self.path, golden["x0"], texts, self.scale, Replay({}))
            made = walk.home(self.model) if role == "src" else walk.alone(self.model)
            yield self.compare(name, made[role])
