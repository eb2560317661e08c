"""Prompt-to-Prompt from a given noise: alignments, windows, factors, blends, both rows step by step."""

from collections.abc import Iterator

import torch

from overpaint.inversions import DDIM, Trajectory
from overpaint.methods.p2p import align
from overpaint.words import weights, windows
from tests.parity.adapters.base import Reach
from tests.parity.adapters.editing import Editing
from tests.parity.adapters.editor import KINDS
from tests.parity.figures import Row
from tests.parity.golden import STATE
from tests.parity.walking import Known, walked


class PromptToPromptFile(Editing):
    """``prompt_to_prompt``"""

    method = "prompt_to_prompt"
    inputs = frozenset({"x_T", *STATE})
    spared = frozenset({"cross_alpha", "equalizer", "mapper", "mapper_alphas", "source_ids", "target_ids"})

    def read(self) -> None:
        """No inversion: both rows set out from the same noise."""
        self.settings.label("variant")
        self.settings.must("start", "x_T shared by both prompts")
        self.read_edit(DDIM(), self.settings.one_of("edit", KINDS))
        self.x = self.golden["x_T"]
        self.model.cache = Known(Trajectory(self.path.t, self.x))

    def rows(self, reach: Reach) -> int:
        """Four a step, and as many for the walk without control."""
        whole = 8 if "plain" in self.golden else 4
        return self.steps * whole if reach == "whole" else 12

    def ends(self) -> Iterator[Row]:
        """The steps around the first and the last kept one."""
        yield from self.tables()
        yield from self.edit_ends(self.x, self.walk(self.x), self.x.expand(2, -1, -1, -1))

    def whole(self) -> Iterator[Row]:
        """Everything."""
        yield from self.levels(self.path)
        yield from self.tables()
        yield from self.compare_edit(self.edited(self.x, self.walk(self.x)))
        if "plain" in self.golden:
            yield self.compare("plain", walked(self.model, self.walk(self.x))[-1].pair)

    def tables(self) -> Iterator[Row]:
        """What is known before the first step: tokens, who follows whom, when and how much."""
        o, source, target = self.method_options, self.source.prompt, self.target.prompt
        for name, words in (("source_ids", source), ("target_ids", target)):
            if name in self.golden:
                yield self.exactly(name, torch.tensor(words.ids))
        if "cross_alpha" in self.golden:
            yield self.exactly("cross_alpha", windows(target, o.steps, o.cross_replace, o.word_windows))
        if "equalizer" in self.golden:
            yield self.exactly("equalizer", weights(target, o.reweight))
        alignment = align(o, source, target)
        if "mapper_alphas" in self.golden:
            yield self.exactly("mapper_alphas", alignment.kept)
        if "mapper" in self.golden:
            partners = torch.where(alignment.kept > 0, alignment.matrix.argmax(0), -1)
            flat = self.golden["mapper"].ndim == 1
            yield self.exactly("mapper", partners if flat else alignment.matrix)
