"""Files whose edit is a list of concepts: SEGA over a drawn start, LEDITS++ over a picture's own noise."""

from collections.abc import Iterator
from typing import Any

from torch import Tensor

from overpaint.guides import CFG
from overpaint.guides.semantic import Localised, Semantic, Term
from overpaint.inversions.base import Walk
from overpaint.masks.concepts import ALWAYS, ConceptMasks
from overpaint.methods.ledits_pp import SECOND_ORDER
from overpaint.model import Branch
from overpaint.noise import Replay
from overpaint.sample import Latents, denoise
from tests.parity.adapters.base import Adapter, Reach
from tests.parity.figures import Row
from tests.parity.settings import Settings
from tests.parity.walking import walked


def listed(value: Any) -> list[Any]:
    """A list, as it stands."""
    if not isinstance(value, list):
        raise TypeError
    return list[Any](value)  # pyright: ignore[reportUnknownArgumentType]


def terms(adapter: Adapter, s: Settings) -> list[Term]:
    """The concepts; each list has an entry for each of them."""
    words = s.take("editing_prompt", listed)
    nothing = [None] * len(words)
    columns = (
        words,
        s.take("edit_guidance_scale", listed),
        s.take("reverse_editing_direction", listed),
        s.take("edit_threshold", listed),
        s.take("edit_warmup_steps", listed),
        s.take("edit_cooldown_steps", lambda value: nothing if value is None else listed(value)),
    )
    encode = adapter.model.family.text
    return [
        Term(str(said), encode(str(said)), -scale if away else scale, threshold, warmup, cooldown)
        for said, scale, away, threshold, warmup, cooldown in zip(*columns, strict=True)
    ]


class SegaFile(Adapter):
    """``sega``"""

    method = "sega"
    inputs = frozenset({"x_T"})
    beside = frozenset({"plain", "guidance_steps"})
    spared = beside

    def read(self) -> None:
        """The prompt, the concepts, the momentum."""
        s = self.settings
        self.steps, self.path = s.count("num_inference_steps"), self.path_of(s.count("num_inference_steps"))
        base = CFG(self.text("prompt"), self.model.family.null(), s.number("guidance_scale"))
        s.must("edit_weights", None)
        momentum, beta = s.number("edit_momentum_scale"), s.number("edit_mom_beta")
        self.guide = Semantic(base, terms(self, s), momentum=momentum, beta=beta)

    def rows(self, reach: Reach) -> int:
        """A row for each concept beside the guided two."""
        return (2 + len(self.guide.terms)) * self.steps

    def taken(self) -> list[Tensor]:
        """Where every step leads."""
        states = list[Tensor]()

        def keep(i: int, xs: Latents) -> Latents:
            states.append(xs["tgt"])
            return xs

        denoise(self.model, self.path, {"tgt": self.golden["x_T"]}, [Branch("tgt", self.guide)], after=keep)
        return states

    def ends(self) -> Iterator[Row]:
        """Everything: nothing on the way was kept whole, and it is short."""
        yield from self.whole()

    def whole(self) -> Iterator[Row]:
        """Every kept step and the end."""
        states = self.taken()
        yield from self.levels(self.path)
        kept = self.golden.numbers("kept_steps")
        yield self.series("edited_steps", {k: states[step][0] for k, step in enumerate(kept)})
        yield self.compare("edited", states[-1])


class LeditsFile(Adapter):
    """``ledits_pp``"""

    method = "ledits_pp"
    inputs = frozenset({"x0", "noise"})
    beside = frozenset({"image", "sigmas"})
    spared = beside

    def read(self) -> None:
        """The concepts, and how their masks are found; levels are those the file visits."""
        s = self.settings
        self.steps = s.count("num_inversion_steps")
        s.must("source_prompt", "")
        s.must("use_cross_attn_mask", False)
        s.must("user_mask", False)
        s.label("skip", "total_scheduler_steps")  # what they come to stands in the file as timesteps
        solver = s.part("scheduler")
        if solver is not None:
            solver.must("algorithm_type", "sde-dpmsolver++")
            solver.must("solver_order", 2)
            solver.must("final_sigmas_type", "sigma_min")
            solver.must("lower_order_final", False)
            solver.label("beta_start", "beta_end", "beta_schedule", "steps_offset")
        self.terms = terms(self, s)
        self.both = s.flag("use_intersect_mask")
        self.path = self.model.path().on(self.golden["timesteps"].long())

    def rows(self, reach: Reach) -> int:
        """A row a step for the noise, one more for each concept, and the reconstruction."""
        return self.steps * (3 + len(self.terms) if reach == "whole" else 1)

    def walk(self) -> Walk:
        """The picture's noise under no prompt."""
        noise, null = self.golden["noise"], self.model.family.null()
        draws = Replay({(SECOND_ORDER.called, j + 1): noise[j : j + 1] for j in range(self.steps)})
        return SECOND_ORDER.walk(self.model, self.path, self.golden["x0"], (null, null, null), 1.0, draws)

    def ends(self) -> Iterator[Row]:
        """The noise maps."""
        traj = self.walk().trajectory
        assert traj.noise is not None
        yield self.series("zs", dict(enumerate(traj.noise)))

    def whole(self) -> Iterator[Row]:
        """The maps, the masks, kept steps, the end, and the walk without any concept."""
        yield from self.ends()
        golden, walk = self.golden, self.walk()
        shape = (1, *golden["x0"].shape[1:])
        masks = ConceptMasks.of(
            self.model,
            shape,
            self.terms,
            "both" if self.both else "noise",
            None,
            800 if self.both else ALWAYS,
        )
        guided = walk.guided(lambda _: Localised(self.model.family.null(), self.terms, masks))
        taken = walked(self.model, guided, *masks.controls, alone=True)
        kept = golden.numbers("kept_steps")
        yield self.series("edited_steps", {k: taken[step].xs["tgt"][0] for k, step in enumerate(kept)})
        yield self.compare("edited", taken[-1].xs["tgt"])
        yield self.masks(masks)
        yield self.compare("reconstruction", self.walk().alone(self.model)["tgt"])

    def masks(self, found: ConceptMasks) -> Row:
        """The masks of all concepts while they acted; a cell next to a quantile may fall on either side."""
        stored, wrong, count = self.golden["masks"].float(), 0.0, 0
        cells = self.golden.cells("masks")
        for k, term in enumerate(self.terms):
            begun = term.warmup
            for offset, mine in enumerate(found.seen.get(term.name, [])):
                own = stored[begun + offset, k]
                wrong += float((mine[::cells, ::cells] != own).float().sum())
                count += own.numel()
        share = wrong / count if count else 1.0
        return Row(self.golden.name, "masks", 0.0, share, share, 0.001)
