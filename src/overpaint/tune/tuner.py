"""What everything that learns is: options, a cost, and a way from examples to a patch, kept like an
inversion.
"""

import json
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from hashlib import sha256
from typing import final

import torch
from torch import Tensor

from overpaint.card import Cost, Paper
from overpaint.files.fingerprint import tensor_hash
from overpaint.files.store import Draft, NoDraft, Store, Stored, StoredDraft
from overpaint.model import Model, Patch
from overpaint.network import Text
from overpaint.noise import Draws, Noise
from overpaint.options import Options
from overpaint.path import Latent

LOSES = "What was learned cannot be kept in {}, so the next edit with it will learn it anew"
ROOM = 40 * 10**9
"""Bytes of what was learned that are kept: a draft of all weights of a large model takes a quarter of it."""


def store_of(model: Model) -> Store | None:
    """Where a model keeps what was learned: beside its inversions; nowhere where those are not kept."""
    if model.cache is None:
        return None
    return Store(model.cache.store.folder.with_name("learned"), ROOM, LOSES)


class Tuner(Options, ABC):
    """From pictures and texts to something learned; a subclass implements ``run`` and ``patch``."""

    @property
    @abstractmethod
    def papers(self) -> tuple[Paper, ...]:
        """What to cite."""

    @abstractmethod
    def cost(self) -> Cost:
        """The work of ``run``."""

    @abstractmethod
    def run(
        self, model: Model, examples: Sequence[Latent], texts: Mapping[str, Text], noise: Draws, draft: Draft
    ) -> dict[str, Tensor]:
        """Learn; what a killed run left in the draft is taken up."""

    @abstractmethod
    def patch(self, tensors: Mapping[str, Tensor], model: Model) -> Patch:
        """What was learned, ready to be put on."""

    def depends(self, model: Model) -> Sequence[str]:
        """What decides beside the model, the examples, the texts and the options, such as a CLIP."""
        return ()

    @final
    def __call__(
        self,
        model: Model,
        examples: Sequence[Latent],
        texts: Mapping[str, Text],
        noise: Draws,
        store: Store | None = None,
    ) -> Patch:
        """What was learned as a patch."""
        return self.patch(self.learned(model, examples, texts, noise, store), model)

    @final
    def learned(
        self,
        model: Model,
        examples: Sequence[Latent],
        texts: Mapping[str, Text],
        noise: Draws,
        store: Store | None = None,
    ) -> dict[str, Tensor]:
        """Learn, or fetch what was learned from the same model, pictures, texts, options and seed."""
        if store is None or not isinstance(noise, Noise):
            return self.run(model, examples, texts, noise, NoDraft())

        def make(draft: StoredDraft) -> Stored:
            return self.run(model, examples, texts, noise, draft), {}

        tensors, _ = store.fetch(self._key(model, examples, texts, noise), make, model.device)
        return tensors

    def _key(self, model: Model, examples: Sequence[Latent], texts: Mapping[str, Text], noise: Noise) -> str:
        parts = {
            "tuner": [type(self).__name__, self.model_dump(mode="json")],
            "model": model.content,
            "arithmetic": [str(model.dtype), model.device.type, torch.__version__, torch.get_num_threads()],
            "examples": tensor_hash(*examples),
            "texts": {name: [said(text), tensor_hash(*text.tensors)] for name, text in texts.items()},
            "beside": list(self.depends(model)),
            "seed": noise.seed,
        }
        return sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()


def said(text: Text) -> str:
    """The words of a text; nothing for one that was learned. Not every network hears all of them."""
    return "" if text.words is None else text.words.text
