"""Files that end in an edit by Prompt-to-Prompt: both rows after some steps, and at the end."""

from collections.abc import Iterator

import torch

from overpaint.attention import Control
from overpaint.guides import CFG
from overpaint.inversions import Inversion
from overpaint.inversions.base import CONDITIONAL, Walk
from overpaint.masks import LocalBlend
from overpaint.methods.p2p import PromptToPrompt, parts
from overpaint.noise import Noise
from overpaint.path import Latent
from tests.parity.adapters.base import Adapter, Reach
from tests.parity.adapters.editor import KINDS, editor
from tests.parity.figures import Row
from tests.parity.walking import Taken, both, stretch, walked

EDITOR = "prompt_to_prompt "


class Editing(Adapter):
    """An inversion and the method over it."""

    method_options: PromptToPrompt

    def read_edit(
        self,
        inversion: Inversion,
        kind: str | None = None,
        steps: str = "num_inference_steps",
        guidance: str = "guidance",
    ) -> None:
        """The prompts, the steps and the method; steps and guidance have other names in places."""
        s = self.settings
        self.steps, self.scale = s.count(steps), s.number(guidance)
        self.path = self.path_of(self.steps)
        self.source, self.target = self.text("source_prompt"), self.text("target_prompt")
        self.null = self.model.family.null()
        kind = (
            s.one_of("editor", {EDITOR + name: own for name, own in KINDS.items()}) if kind is None else kind
        )
        self.method_options = editor(s, kind, self.steps, self.scale, inversion)
        self.inversion = inversion
        self.controls, self.blend = self.parts(torch.zeros(self.model.shape(512, 512)))

    @property
    def guide(self) -> CFG:
        """The source's, as an inversion is given it."""
        return CFG(self.source, self.null, self.scale)

    def parts(self, x0: Latent) -> tuple[list[Control], LocalBlend | None]:
        """Fresh controls, and the blend: what the method itself makes of its options."""
        controls, blends = parts(self.method_options, self.model, self.task(x0, self.source, self.target))
        return controls, next(iter(blends), None)

    def walk(self, x0: Latent, reads: frozenset[str] = CONDITIONAL) -> Walk:
        """What the method sets out on, from an inversion that is known already or found now."""
        texts = self.source, self.target, self.null
        return self.inversion.walk(self.model, self.path, x0, texts, self.scale, Noise(0), reads)

    def edited(self, x0: Latent, walk: Walk) -> list[Taken]:
        """The whole edit."""
        controls, self.blend = self.parts(x0)
        return walked(self.model, walk, *controls, after=self.blend)

    def compare_edit(self, taken: list[Taken]) -> Iterator[Row]:
        """Kept steps, masks and the end."""
        golden = self.golden
        if "edited_steps" in golden:
            kept = golden.numbers("kept_steps")
            mine = {k: taken[step].pair for k, step in enumerate(kept) if step < len(taken)}
            yield self.series("edited_steps", mine)
        yield from self.masks()
        if len(taken) == self.steps:
            yield self.compare("edited", taken[-1].pair)

    def masks(self) -> Iterator[Row]:
        """The regions of the blend, as far as it went."""
        if "blend_masks_target_row" not in self.golden:
            return
        name = "blend_masks_target_row"
        if self.blend is None or not self.blend.masks:
            yield self.refused(name, "nothing was blended")
            return
        mine, stored = torch.stack(self.blend.masks).float(), self.golden[name].float()
        yield self.compare(name, mine, stored[: len(mine)] if len(mine) < self.steps else stored)

    def edit_ends(self, x0: Latent, walk: Walk, first_rows: Latent) -> Iterator[Row]:
        """From the start to the first kept step, and from the last state kept whole to the step after."""
        kept = self.golden.numbers("kept_steps")
        controls, self.blend = self.parts(x0)
        late = 0 if self.blend is None else self.blend.start
        k = next(k for k, step in enumerate(kept) if step >= late)
        *_, taken = stretch(self.model, walk, both(first_rows), range(kept[k] + 1), controls, self.blend)
        yield self.series("edited_steps", {k: taken.pair}, f"edited_steps, after {kept[k]}")
        yield from self.masks()
        state = self.golden.state()
        if self.blend is None and state is not None:
            step, pair = state
            k = next(k for k, later in enumerate(kept) if later > step)
            *_, taken = stretch(self.model, walk, both(pair), range(step + 1, kept[k] + 1), self.parts(x0)[0])
            yield self.series("edited_steps", {k: taken.pair}, f"edited_steps, after {kept[k]}")

    def rows(self, reach: Reach) -> int:
        """Four a step and one to invert."""
        return 5 * self.steps if reach == "whole" else 12
