"""Still Life as a data set of side networks: latents of drawn pictures, conditions from their truth."""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from overpaint.errors import UsageError
from overpaint.files import atomic
from overpaint.model import Model
from overpaint.network import Text
from overpaint.path import Latent
from overpaint.sides.conditions import canny
from overpaint.stilllife.captions import caption
from overpaint.stilllife.palette import PALETTE
from overpaint.stilllife.render import render
from overpaint.stilllife.scene import FRAME, STYLES, Scene
from overpaint.stilllife.truth import Truth, truth
from overpaint.train.data import Renders, token_batch, training_scene
from overpaint.train.loop import Batch
from overpaint.train.nets import LATENT
from overpaint.train.sides.examples import with_text
from overpaint.train.unet import SENTENCES, Latents, encode_all, one_file

PART = 2_000
"""Pictures whose latents are kept in one file."""
COUNT = 8_000
Note = Callable[[str], None]
TIMES = {"day": "night", "night": "day"}
"""What CycleNet turns into each other."""


def near(known: Truth) -> Float[Tensor, "b 3 h w"]:
    """Depth as side networks want it: white where it is near, as one over the distance."""
    return (1 / known.depth).unsqueeze(1).expand(-1, 3, -1, -1).contiguous()


def facing(known: Truth) -> Float[Tensor, "b 3 h w"]:
    """Normals as colours: right is red, up is green, to the viewer is blue."""
    return (known.normals + 1) / 2


TRUE: Mapping[str, Callable[[Truth], Tensor]] = {
    "segmentation": lambda known: PALETTE.painted(known.segments),
    "depth": near,
    "normals": facing,
}
"""Conditions that the truth of a scene gives."""
EDGES = "edges"
"""Canny's edges of the scene drawn in any of the styles: so they tell shapes and no style."""
CONDITIONS = (*TRUE, EDGES)


def edges_of(scene: Scene, seed: int) -> Float[Tensor, "1 3 h w"]:
    """The edges of a scene, in a style drawn from the seed."""
    style = random.Random(f"edges {seed}").choice(STYLES)
    return canny(render([scene.with_surroundings(style=style)]))


@dataclass(frozen=True, eq=False)
class Drawn:
    """Drawn pictures with one condition; for CycleNet by day and by night, the picture its own condition."""

    model: Model
    data: Latents
    condition: str = "segmentation"
    renders: Renders | None = None
    """The pictures themselves, where CycleNet looks at them."""
    edges: np.ndarray[Any, np.dtype[np.uint8]] | None = None
    """Packed bits of the edges, a picture a row."""
    held: int = 0
    """How many of them, at the end, are kept from training."""

    @property
    def shape(self) -> tuple[int, int, int]:
        """The shape of a latent."""
        return 4, LATENT, LATENT

    @property
    def count(self) -> int:
        """How many pictures are trained on."""
        return len(self.places) - self.held

    @cached_property
    def places(self) -> Sequence[int]:
        """Which of the training scenes they are."""
        every = range(len(self.data.mean))
        return every if self.renders is None else [k for k in every if training_scene(k).time in TIMES]

    def rows(self, picked: Sequence[int], seed: int) -> dict[str, Tensor]:
        """Pictures by number with their conditions and sentences."""
        places = [self.places[k] for k in picked]
        known = {"mean": self.data.mean[places].float(), "std": self.data.std[places].float()}
        if self.renders is not None:
            scenes = [training_scene(k) for k in places]
            both = [there_and_back(scene, seed * 1_000_003 + k) for k, scene in enumerate(scenes)]
            texts = {name: [pair[k] for pair in both] for k, name in enumerate(("source", "target"))}
            said = {name: self.text(token_batch(each)) for name, each in texts.items()}
            told = with_text("source", said["source"]) | with_text("target", said["target"])
            return {**known, "hint": self.renders.pictures(places).cpu(), **told}
        rng = torch.Generator().manual_seed(seed)
        which = torch.randint(0, SENTENCES, (len(places),), generator=rng)
        tokens = self.data.tokens[places][torch.arange(len(places)), which].long()
        return {**known, "hint": self.hints(places), **with_text("text", self.text(tokens))}

    def hints(self, places: Sequence[int]) -> Float[Tensor, "b 3 h w"]:
        """Conditions of some scenes."""
        if self.edges is not None:
            bits = np.unpackbits(self.edges[list(places)], axis=1).reshape(-1, 1, FRAME, FRAME)
            return torch.from_numpy(bits).float().expand(-1, 3, -1, -1).contiguous()
        return TRUE[self.condition](truth([training_scene(k) for k in places]))

    @torch.no_grad()
    def text(self, tokens: Tensor) -> Text:
        """Encoded sentences."""
        family: Any = self.model.family
        return Text(
            family.encoders[0](input_ids=tokens.to(self.model.device)).last_hidden_state.float().cpu()
        )

    def latents(self, batch: Batch, noise: Latent) -> Latent:
        """Sampled and scaled."""
        return (batch["mean"] + batch["std"] * noise) * self.data.scale


def there_and_back(scene: Scene, seed: int) -> tuple[str, str]:
    """A sentence that says the time of day, and the same with the other time."""
    other = scene.with_surroundings(time=TIMES[scene.time])
    said = next(s for s in range(64 * seed, 64 * (seed + 1)) if "time" not in caption(scene, s).free)
    return caption(scene, said).text, caption(other, said).text


def drawn(
    model: Model,
    home: Path,
    condition: str,
    count: int = COUNT,
    *,
    held: int = 0,
    cycle: bool = False,
    note: Note = print,
) -> Drawn:
    """Still Life as a data set, its pictures and latents kept in a folder for the next time.

    Raises:
        UsageError: there is no such condition, or the model is not of Still Life's shape.
    """
    if condition not in CONDITIONS and not cycle:
        raise UsageError(f"Still Life has no condition {condition!r}; choose one of {', '.join(CONDITIONS)}.")
    vae: Any = model.family.parts["codec"][0]
    if model.family.side != FRAME or model.family.factor * LATENT != FRAME:
        raise UsageError(f"The model {model.name} is not of Still Life; give a folder of pictures as DATA.")
    renders = Renders(home, count, model.device)
    if renders.ready < count:
        note(f"drawing pictures: {renders.ready} of {count} are there")
        renders.make()
    (home / "latents").mkdir(parents=True, exist_ok=True)
    parts = list[Latents]()
    for first in range(0, count, PART):
        size = min(PART, count - first)
        file = home / "latents" / f"{model.fingerprint[:12]}-{first:07d}-{size}.safetensors"
        if not file.is_file():
            note(f"encoding pictures from {first}")
            made = encode_all(vae, renders, first, size)
            with atomic.drafted(file) as draft:
                made.save(draft)
        parts.append(Latents.load(file))
    data = replace(one_file(parts), scale=float(vae.config.scaling_factor))
    edges = drawn_edges(home, count, note) if condition == EDGES and not cycle else None
    return Drawn(model, data, condition, renders if cycle else None, edges, held)


def drawn_edges(home: Path, count: int, note: Note) -> np.ndarray[Any, np.dtype[np.uint8]]:
    """Packed edges of the training scenes, from a file that is made where it is not there."""
    file = home / f"edges-{count}.bits"
    if not file.is_file():
        note(f"looking for the edges of {count} pictures")
        rows = [edges_of(training_scene(k), k)[0, 0].bool().flatten().numpy() for k in range(count)]
        atomic.write(file, np.packbits(np.stack(rows), axis=1).tobytes())
    return np.fromfile(file, np.uint8).reshape(count, FRAME * FRAME // 8)
