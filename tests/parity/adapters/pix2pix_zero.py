"""pix2pix-zero: the inversion under its stored shifts, the direction, both passes and their losses."""

from collections.abc import Iterator, Sequence
from pathlib import Path as FilePath
from tempfile import TemporaryDirectory
from typing import Any

import torch
from torch import Tensor

from overpaint.guides import CFG, Plain
from overpaint.inversions import Regularised, Trajectory
from overpaint.inversions.base import Walk
from overpaint.inversions.regularised import Regular, official
from overpaint.methods.pix2pix_zero import Pix2PixZero, set_out
from overpaint.model import Branch
from overpaint.noise import Replay
from overpaint.task import Task
from overpaint.tune.direction import Direction, discovered
from tests.parity.adapters.base import Adapter, Reach
from tests.parity.figures import Row
from tests.parity.settings import Settings
from tests.parity.walking import Known, Taken, stretch, walked


def sentences(value: Any) -> list[str]:
    """A bank of sentences."""
    if not isinstance(value, list) or not value:
        raise TypeError
    return [str(one) for one in list[Any](value)]  # pyright: ignore[reportUnknownArgumentType]


def regularised(s: Settings) -> Regularised:
    """The inversion; a negative prompt that is the source's is what it puts in place of the empty one."""
    own = {s.text("prompt"): "source", "": "nothing"}
    return Regularised.model_validate(
        {
            "ac": s.number("lambda_ac"),
            "kl": s.number("lambda_kl"),
            "rounds": s.count("num_reg_steps"),
            "rolls": s.count("num_ac_rolls"),
            "guidance": s.number("inversion_guidance"),
            "negative": s.one_of("negative_prompt", own),
            "grid": "official",
        }
    )


class Pix2PixZeroFile(Adapter):
    """``pix2pix_zero``"""

    method = "pix2pix_zero"
    inputs = frozenset({"x0", "rolls", "inverted"})
    beside = frozenset({"image"})
    spared = frozenset({"image"})

    def read(self) -> None:
        """The inversion with a number of steps of its own, the two banks, the edit."""
        s = self.settings
        self.there, self.steps = s.count("num_inversion_steps"), s.count("num_ddim_steps")
        self.source, self.inversion = self.text("prompt"), regularised(s)
        self.banks = s.take("source_sentences", sentences), s.take("target_sentences", sentences)
        self.options: dict[str, Any] = {
            "steps": self.steps,
            "guidance": s.number("guidance"),
            "attention_guidance": s.number("xa_guidance"),
            "inversion": self.inversion,
        }
        Pix2PixZero.model_validate(self.options)
        self.path, self.way = self.path_of(self.steps), official(self.model, self.model.path(self.there))

    def rows(self, reach: Reach) -> int:
        """Six a step of the edit, and a backward pass."""
        return self.there + 12 * self.steps if reach == "whole" else 10

    @property
    def draws(self) -> Replay:
        """The shifts, which the file has in the order in which they were drawn."""
        rolls = self.golden["rolls"]
        return Replay(
            {
                ("roll", len(rolls) - 1 - k, level): one[..., level]
                for k, one in enumerate(rolls)
                for level in range(rolls.shape[-1])
            }
        )

    def direction(self) -> Direction:
        """From the banks."""
        return discovered(self.model, self.banks)

    def first_noise(self) -> Row:
        """The noise of the first step, made white."""
        last = len(self.way) - 1
        branch = Branch("src", Regular(Plain(self.source), self.inversion, self.draws))
        p = self.model.predict({"src": self.golden["x0"]}, last, self.way, [branch], level=last + 1)["src"]
        return self.compare("regularised_noise_first", p.eps)

    def walk(self, found: Tensor, **other: Any) -> Walk:
        """What the method sets out on from noise that was found, by a direction in a file."""
        text = self.source
        nulls = (text.states, text.pooled) if self.inversion.negative == "source" else (None, None)
        self.model.cache = Known(Trajectory(self.path.t, found, *nulls))
        with TemporaryDirectory() as folder:
            file = FilePath(folder) / "direction.safetensors"
            self.direction_found.save(file)
            o = Pix2PixZero.model_validate({**self.options, "direction": str(file), **other})
            null = self.model.family.null()
            task = Task(self.model.shape(512, 512), null, given_x0=self.golden["x0"], given_source=text)
            o.check(self.model, task)
            return set_out(o, self.model, task)

    def ends(self) -> Iterator[Row]:
        """The first noise, the direction, and the edit up to the first kept step."""
        yield self.first_noise()
        self.direction_found = self.direction()
        yield self.compare("edit_direction", self.direction_found.states)
        kept, walk = self.golden.numbers("kept_steps"), self.walk(self.golden["inverted"])
        taken = list(stretch(self.model, walk, walk.xs, range(kept[0] + 1)))
        yield self.series("edited_steps", {0: taken[-1].xs["tgt"][0]}, f"edited_steps, after {kept[0]}")
        yield self.losses(kept[0] + 1)

    def losses(self, count: int) -> Row:
        """How far the maps were apart at the first steps."""
        found = torch.tensor(self.model.meter.notes["map distance"])
        return self.compare("losses", found, self.golden["losses"][:count])

    def whole(self) -> Iterator[Row]:
        """Everything."""
        golden = self.golden
        yield from self.levels(self.path)
        yield self.exactly("inversion_timesteps", self.way.t.flip(0))
        yield self.first_noise()
        guide, there = CFG(self.source, self.model.family.null()), self.model.path(self.there)
        traj = self.inversion.run(self.model, there, golden["x0"], guide, self.draws)
        yield self.compare("inverted", traj.start)
        calls = len(self.way)
        after = {k: traj.latents[calls - 1 - step] for k, step in enumerate((0, calls // 2))}
        yield self.series("inverted_steps", after)
        self.direction_found = self.direction()
        yield self.compare("edit_direction", self.direction_found.states)
        yield from self.edit(walked(self.model, self.walk(traj.start)))
        plain = walked(self.model, self.walk(traj.start, attention_guidance=0), alone=True)
        yield self.compare("edited_without_guidance", plain[-1].xs["tgt"])

    def edit(self, taken: Sequence[Taken]) -> Iterator[Row]:
        """Both passes, which go side by side here."""
        kept = self.golden.numbers("kept_steps")
        yield self.losses(self.steps)
        yield self.series("edited_steps", {k: taken[step].xs["tgt"][0] for k, step in enumerate(kept)})
        yield self.compare("reconstruction", taken[-1].xs["src"])
        yield self.compare("edited", taken[-1].xs["tgt"])
