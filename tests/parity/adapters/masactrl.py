"""MasaCtrl: both rows under mutual self-attention, plain, with given regions, with regions from words."""

from collections.abc import Iterator, Sequence

import torch
from torch import Tensor

from overpaint.controls.mutual import Split
from overpaint.inversions import DDIM
from overpaint.inversions.base import CONDITIONAL, Walk
from overpaint.masks.split import Found, Painted
from overpaint.methods.masactrl import BOTH, MasaCtrl, controls, prompted
from overpaint.noise import Noise
from overpaint.task import Mask01
from tests.parity.adapters.base import Adapter, Reach
from tests.parity.adapters.concepts import listed
from tests.parity.figures import Row
from tests.parity.walking import Known, Taken, both, stretch, walked


def tokens(value: Sequence[int] | None) -> list[int]:
    """Places of tokens, counted from the begin token."""
    return [] if value is None else [int(place) for place in listed(value)]


class MasaCtrlFile(Adapter):
    """``masactrl``"""

    method = "masactrl"
    inputs = frozenset({"x0", "inverted", "mask_source", "mask_target"})
    beside = frozenset({"image"})
    spared = frozenset({"image", "plain"})

    def read(self) -> None:
        """Both prompts, the inversion, where and when the source is asked, and what parts the thing."""
        s = self.settings
        self.steps, self.scale = s.count("num_inference_steps"), s.number("guidance")
        self.path, self.null = self.path_of(self.steps), self.model.family.null()
        named = s.text("source_prompt")
        self.source, self.target = self.text("source_prompt"), self.text("target_prompt")
        guided = s.number("inversion_guidance")
        if guided != 1 and named:
            raise s.odd("inversion_guidance", guided)
        self.inversion = DDIM()  # guidance between equal prompts has nothing to say
        self.mode = s.one_of("mask_mode", {None: "none", "mask": "painted", "auto": "found"})
        s.must("ref_intermediate_latents", False)
        s.label("variant")
        self.places = {"src": s.take("ref_token_idx", tokens), "tgt": s.take("cur_token_idx", tokens)}
        threshold = s.take("threshold", lambda value: 0.0 if value is None else float(value))
        self.options = MasaCtrl(
            steps=self.steps,
            guidance=self.scale,
            start=s.count("start_step"),
            layer=s.count("start_layer"),
            threshold=threshold,
            encode="source" if named else "nothing",
        )

    def rows(self, reach: Reach) -> int:
        """One a step to invert, four back, and as many without control."""
        return 9 * self.steps if reach == "whole" else self.steps + 4 * (self.options.start + 1)

    def split(self) -> Split | None:
        """What the method would make of words or masks."""
        o, model = self.options, self.model
        if self.mode == "found":
            return Found.of(model, self.golden["x0"].shape, self.places, o.threshold, o.start)
        if self.mode == "painted":
            return Painted(self.region("mask_source"), self.region("mask_target"))
        return None

    def region(self, name: str) -> Mask01:
        """A stored mask."""
        return self.golden[name][None, None]

    def walk(self) -> Walk:
        """Over a known noise, or one that is found now."""
        reads = BOTH if prompted(self.options) else CONDITIONAL
        texts = self.source if prompted(self.options) else self.null, self.target, self.null
        return self.inversion.walk(
            self.model, self.path, self.golden["x0"], texts, self.scale, Noise(0), reads
        )

    def inverted(self) -> tuple[Walk, Row]:
        """The way to the noise."""
        walk = self.walk()
        self.model.cache = Known(walk.trajectory)
        return walk, self.compare("inverted", walk.trajectory.start)

    def edited(self, taken: dict[int, Tensor]) -> Row:
        """Kept steps, as far as they were walked."""
        kept = self.golden.numbers("kept_steps")
        return self.series("edited_steps", {k: taken[step] for k, step in enumerate(kept) if step in taken})

    def ends(self) -> Iterator[Row]:
        """The noise, and from the stored one past the first step at which the source is asked."""
        walk, row = self.inverted()
        yield row
        kept = next(step for step in self.golden.numbers("kept_steps") if step >= self.options.start)
        pair = torch.cat([self.golden["inverted"]] * 2)
        asking = controls(self.options, walk, self.split())
        taken = stretch(self.model, walk, both(pair), range(kept + 1), asking)
        yield self.edited({one.i: one.pair for one in taken})

    def whole(self) -> Iterator[Row]:
        """Kept steps, the end, and the end without the control."""
        yield from self.levels(self.path)
        yield from self.encoded("x0", 512)
        walk, row = self.inverted()
        yield row
        taken: list[Taken] = walked(self.model, walk, *controls(self.options, walk, self.split()))
        yield self.edited({one.i: one.pair for one in taken})
        yield self.compare("edited", taken[-1].pair)
        if "plain" in self.golden:
            yield self.compare("plain", walked(self.model, self.walk())[-1].pair)
