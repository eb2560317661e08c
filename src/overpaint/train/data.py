"""What the trainers read: scenes by number, their pictures kept on disk, their sentences as token ids."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache
from pathlib import Path

import numpy as np
import torch
from filelock import FileLock
from jaxtyping import Float, Int
from torch import Tensor

from overpaint.stilllife.captions import Caption, caption
from overpaint.stilllife.render import render
from overpaint.stilllife.scene import FRAME, Scene, sample
from overpaint.stilllife.tokenizer import BOS_ID, EOS_ID, MAX_LENGTH
from overpaint.stilllife.words import VOCABULARY

CPU = torch.device("cpu")
HELD_OUT = 1_000_000
"""Scenes with smaller numbers are never trained on; demos and figures use them."""
Draw = Callable[[Sequence[int]], Float[Tensor, "b 3 h w"]]
WORD_IDS = {word: index for index, word in enumerate(VOCABULARY)}


def training_scene(index: int) -> Scene:
    """The `index`-th scene to train on."""
    return sample(HELD_OUT + index)


def held_out(count: int, objects: int | None = None, start: int = 500_000) -> list[Scene]:
    """Scenes for measuring."""
    return [sample(start + k, objects) for k in range(count)]


def tokens(text: str) -> list[int]:
    """Token ids of a sentence of the world's words, as the tokenizer gives them, without its being run."""
    inner = [WORD_IDS[word] for word in text.split()]
    return [BOS_ID, *inner, *([EOS_ID] * (MAX_LENGTH - 1 - len(inner)))]


def token_batch(texts: Sequence[str]) -> Int[Tensor, "b tokens"]:
    """Token ids of several sentences."""
    return torch.tensor([tokens(text) for text in texts])


def boxes(scenes: Sequence[Scene], size: int) -> Float[Tensor, "b size size"]:
    """1 inside the box of any thing, at `size` cells a side."""
    scale = size / FRAME
    line = torch.arange(size) + 0.5
    out = torch.zeros(len(scenes), size, size)
    for k, scene in enumerate(scenes):
        for t in scene.things:
            across = (line > (t.x - t.half) * scale) & (line < (t.x + t.half) * scale)
            down = (line > (t.row - 2 * t.half) * scale) & (line < t.row * scale)
            out[k] = torch.maximum(out[k], (down[:, None] & across[None]).float())
    return out


@dataclass(frozen=True)
class Renders:
    """Pictures of the training scenes 0 … count - 1 in one file of bytes; made once, shared by all stages."""

    home: Path
    count: int
    device: torch.device = CPU
    name: str = "renders"
    """What the file is called."""

    @property
    def file(self) -> Path:
        """One byte a channel, pictures in order."""
        return self.home / f"{self.name}.u8"

    @property
    def ready(self) -> int:
        """How many are on disk."""
        return self.file.stat().st_size // (3 * FRAME * FRAME) if self.file.is_file() else 0

    def make(
        self, note: Callable[[int], bool] = lambda _: True, chunk: int = 64, draw: Draw | None = None
    ) -> None:
        """Make what is missing, until `note` of the number made says no; a later call goes on there.

        Of several processes one makes it while the others wait, for the place of a picture in the file is
        all that tells which it is. `draw` gives the pictures of some of the scenes; by itself they are
        rendered.
        """
        draw = self.rendered if draw is None else draw
        self.home.mkdir(parents=True, exist_ok=True)
        if self.ready >= self.count:  # it may be somebody else's, which is not to be touched
            return
        with FileLock(self.home / f"{self.name}.lock"), self.file.open("ab") as file:
            whole = self.ready
            os.truncate(self.file, whole * 3 * FRAME * FRAME)
            for start in range(whole, self.count, chunk):
                picked = range(start, min(start + chunk, self.count))
                file.write((draw(picked) * 255).round().byte().cpu().numpy().tobytes())
                file.flush()
                if not note(picked.stop):
                    return

    def rendered(self, picked: Sequence[int]) -> Float[Tensor, "b 3 h w"]:
        """Some of the scenes, drawn."""
        return render([training_scene(k) for k in picked], FRAME, self.device)

    @cached_property
    def pixels(self) -> np.ndarray[tuple[int, ...], np.dtype[np.uint8]]:
        """The pictures, "count 3 h w", read from disk as needed."""
        return np.memmap(self.file, np.uint8, "r", shape=(self.ready, 3, FRAME, FRAME))

    def pictures(self, picked: Sequence[int]) -> Float[Tensor, "b 3 h w"]:
        """Some of them, in [0, 1]."""
        bytes_ = torch.from_numpy(self.pixels[np.asarray(picked)])
        return bytes_.to(self.device).float().div_(255)


def pick(step: int, batch: int, count: int, seed: int = 0) -> list[int]:
    """Which items of `count` a step sees: every item once an epoch, in an order of that epoch."""
    places = range(step * batch, (step + 1) * batch)
    return [int(_order(place // count, count, seed)[place % count]) for place in places]


@lru_cache(maxsize=4)
def _order(epoch: int, count: int, seed: int) -> np.ndarray[tuple[int, ...], np.dtype[np.int64]]:
    return np.random.default_rng([seed, epoch]).permutation(count)


def sentences(scenes: Sequence[Scene], seed: int) -> list[Caption]:
    """A sentence for every scene, drawn anew for every seed."""
    return [caption(scene, seed * 1_000_003 + k) for k, scene in enumerate(scenes)]
