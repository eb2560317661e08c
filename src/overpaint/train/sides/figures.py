"""What side networks of Still Life reach on scenes that nothing was trained on, measured in batches.

``python -m overpaint.train.sides.figures FOLDER COUNT FILE`` measures all in a folder; without one, those
shipped. What was measured is kept in FILE, and a call that was stopped goes on from there.
"""

from __future__ import annotations

import json
import math
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from itertools import islice
from pathlib import Path
from statistics import fmean, stdev

import torch
from jaxtyping import Float
from torch import Tensor

from overpaint.families.locate import SHIPPED
from overpaint.files import atomic
from overpaint.methods.cyclenet import CycleNet
from overpaint.model import Model
from overpaint.network import Residuals, Text, together
from overpaint.noise import Noise
from overpaint.path import Latent
from overpaint.path import Path as Levels
from overpaint.run.loading import load
from overpaint.sides.cyclenet import OWN
from overpaint.sides.file import SIDES
from overpaint.sides.load import side_net
from overpaint.sides.net import Net
from overpaint.sides.segmenter import Segmenter, overlap, segmenter_of
from overpaint.stilllife.captions import describe
from overpaint.stilllife.judge import Judge, score
from overpaint.stilllife.judge import load as load_judge
from overpaint.stilllife.render import render
from overpaint.stilllife.scene import FRAME, Scene
from overpaint.stilllife.suits import CYCLE
from overpaint.stilllife.truth import NAMES, truth
from overpaint.train.data import held_out
from overpaint.train.sides.drawn import TIMES, TRUE, edges_of
from overpaint.train.sides.lessons import Speaks, speaker
from overpaint.train.vae import psnr

COUNT, CHUNK = 200, 20
FIRST = 400_000
"""Number of the first scene: none is trained on below a million."""
STEPS = 25
ALONE = "alone"
Figures = dict[str, float]
Sums = dict[str, list[float]]
"""What was read of every scene or thing, by the name of the figure."""
Translate = Callable[[Tensor, tuple[Text, Text], int], Tensor]
"""From pictures, two texts for each and a seed to other pictures."""


@dataclass(frozen=True)
class Walk:
    """A guided walk of several pictures at once, each with a condition of its own."""

    model: Model
    path: Levels
    guidance: float
    speaks: Speaks | None = None
    side_text: Text | None = None
    """What the side network reads in place of each row's own."""
    eta: float = 0.0

    @torch.no_grad()
    def __call__(self, x: Latent, hints: Tensor, text: Text, null: Text, seed: int) -> Latent:
        """From the first level to the data."""
        both, twice = together([null, text]), torch.cat([hints, hints])
        heard = both if self.side_text is None else together([self.side_text, self.side_text])
        for i in range(len(self.path)):
            t = torch.full((2 * len(x),), int(self.path.t[i]), device=x.device)
            rows = torch.cat([x, x])
            more = Residuals() if self.speaks is None else self.speaks(twice, rows, t, heard)
            out = self.model.family.call(self.model.net, rows, t, both, more)
            p = self.path.read(rows, out.float(), i)
            n = len(x)
            plain, led = (type(p)(p.x0[part], p.eps[part]) for part in (slice(n), slice(n, None)))
            mean, std = self.path.posterior(plain.toward(led, self.guidance), i, self.eta)
            fresh = Noise(seed).normal(tuple(x.shape), "fresh", i).to(x) if self.eta else torch.zeros_like(x)
            x = mean + std * fresh
        return x


def texts(model: Model, said: Sequence[str]) -> Text:
    """Sentences encoded."""
    return together([model.family.text(one) for one in said])


def conditions_of(name: str, scenes: Sequence[Scene], first: int) -> Float[Tensor, "b 3 h w"]:
    """The condition that a side network of that name looks at."""
    if name in TRUE:
        return TRUE[name](truth(scenes))
    return torch.cat([edges_of(scene, first + k) for k, scene in enumerate(scenes)])


@dataclass(frozen=True)
class Kept:
    """What was measured chunk by chunk, in a file if there is one: a call that was stopped goes on."""

    file: Path | None = None
    chunks: dict[str, Sums] = field(default_factory=dict[str, Sums])

    @staticmethod
    def at(file: Path | None) -> Kept:
        """What a file holds."""
        found = json.loads(file.read_text(encoding="utf-8")) if file is not None and file.is_file() else {}
        return Kept(file, found)

    def all(self, name: str, count: int, measure: Callable[[int, int], Sums]) -> Sums:
        """The sums of so many scenes, measured where they are not here from a place on, so many of them."""
        sums: Sums = {}
        for start in range(0, count, CHUNK):
            size = min(CHUNK, count - start)
            key = f"{name} {start} {size}"
            if key not in self.chunks:
                self.chunks[key] = measure(start, size)
                if self.file is not None:
                    atomic.write(self.file, json.dumps(self.chunks).encode())
            for figure, values in self.chunks[key].items():
                sums.setdefault(figure, []).extend(values)
        return sums


def led_figures(
    model: Model,
    net: Net | None,
    name: str,
    reader: Segmenter,
    judge: Judge,
    count: int = COUNT,
    kept: Kept | None = None,
) -> Figures:
    """Scenes told in full, made with a condition, or without a network from the same noise.

    "iou": overlap of every thing's mask, read back by the segmenter; that of a thing of which nothing is read
    is 0. "right": share of what was said that the judge reads, "style": that of the styles.
    """
    walk = Walk(model, model.path(STEPS), model.guidance, None if net is None else speaker(net))
    measure = partial(led_sums, walk, name, reader, judge)
    return means((kept or Kept()).all(name if net is not None else ALONE, count, measure))


def led_sums(walk: Walk, name: str, reader: Segmenter, judge: Judge, start: int, count: int) -> Sums:
    """What is read of scenes from a place on."""
    model, sums = walk.model, dict[str, list[float]]()
    scenes = held_out(count, start=FIRST + start)
    said = texts(model, [describe(scene).text for scene in scenes])
    null = together([model.family.null()] * len(scenes))
    x = Noise(start).normal((len(scenes), 4, 16, 16), "start").to(model.device)
    hints, known = conditions_of(name, scenes, FIRST + start), truth(scenes)
    made = ((model.family.decode(walk(x, hints, said, null, start)) + 1) / 2).clamp(0, 1)
    segments, readings = reader.read(made).segments, judge.read(made)
    for k, scene in enumerate(scenes):
        for n, thing in enumerate(scene.things):
            own = segments[k] == NAMES.index(thing.kind)
            sums.setdefault("iou", []).append(overlap(own, known.masks[k, n]))
        marks = score(readings[k], scene, placed=True)
        sums.setdefault("right", []).append(sum(marks.values()) / len(marks))
        sums.setdefault("style", []).append(float(marks["style"]))
    return sums


def means(sums: Mapping[str, Sequence[float]]) -> Figures:
    """Mean of every figure, and how far it may be off at 95 %, by the name of the figure and "±"."""
    found = dict[str, float]()
    for name, values in sums.items():
        found[name] = round(fmean(values), 4)
        found[f"{name} ±"] = round(1.96 * stdev(values) / math.sqrt(len(values)), 4) if values[1:] else 0.0
    return found


def cycle_figures(
    model: Model, net: Net, judge: Judge, how: CycleNet, count: int = COUNT, kept: Kept | None = None
) -> Figures:
    """Day to night and back; beside it DDIM translation, which inverts the picture and needs no network.

    "time": the judge reads the other time; "kept": of what is said of things, the share that is still read;
    "back": PSNR of the return to the picture in dB, "codec": what the autoencoder leaves of it.
    """
    seeds = (scene for k in range(20 * count) for scene in held_out(1, start=FIRST + k))
    by_day = list(islice((scene for scene in seeds if scene.time == "day"), count))
    ways: Mapping[str, Translate] = {
        "": partial(translated_all, model, how, speaker(net)),
        "_ddim": partial(ddim_translated, model),
    }
    return means((kept or Kept()).all(OWN, count, partial(cycle_sums, model, judge, ways, by_day)))


def cycle_sums(
    model: Model, judge: Judge, ways: Mapping[str, Translate], by_day: Sequence[Scene], start: int, count: int
) -> Sums:
    """What is read of pictures that were translated, from a place on."""
    sums: Sums = {}
    scenes = by_day[start : start + count]
    pictures = render(scenes, FRAME, model.device)
    others = [scene.with_surroundings(time=TIMES[scene.time]) for scene in scenes]
    both = [texts(model, [describe(scene).text for scene in each]) for each in (scenes, others)]
    true = (model.family.decode(model.family.encode(pictures * 2 - 1)) + 1) / 2
    sums.setdefault("codec", []).extend(psnr(true.clamp(0, 1), pictures).tolist())
    for way, translate in ways.items():
        there = translate(pictures, (both[0], both[1]), start)
        back = translate(there, (both[1], both[0]), start + 1)
        sums.setdefault(f"back{way}", []).extend(psnr(back, pictures).tolist())
        for reading, scene in zip(judge.read(there), others, strict=True):
            marks = score(reading, scene, placed=True)
            things = [mark for name, mark in marks.items() if name.startswith("thing")]
            sums.setdefault(f"time{way}", []).append(float(marks["time"]))
            sums.setdefault(f"kept{way}", []).append(sum(things) / len(things))
    return sums


def translated_all(
    model: Model, how: CycleNet, speaks: Speaks, pictures: Tensor, both: tuple[Text, Text], seed: int
) -> Float[Tensor, "b 3 h w"]:
    """Pictures in [0, 1] as the second text says, the first in place of the empty one."""
    whole = model.path(how.steps)
    path = whole.last(how.kept)
    x0 = model.family.encode(pictures * 2 - 1)
    noise = Noise(seed).normal(tuple(x0.shape), "there").to(x0)
    x = whole.noised(x0, noise, len(whole) - how.kept - 1)
    walk = Walk(model, path, how.guidance, speaks, both[0], how.eta)
    return ((model.family.decode(walk(x, pictures, both[1], both[0], seed)) + 1) / 2).clamp(0, 1)


@torch.no_grad()
def ddim_translated(
    model: Model, pictures: Tensor, both: tuple[Text, Text], seed: int
) -> Float[Tensor, "b 3 h w"]:
    """The same by DDIM: noised step by step with the first text, denoised with the second and guidance."""
    path, x = model.path(STEPS), model.family.encode(pictures * 2 - 1)
    for i in range(len(path) - 1, -1, -1):
        at = min(i + 1, len(path) - 1)  # the network is asked at the level where the latent is
        t = torch.full((len(x),), int(path.t[at]), device=x.device)
        p = path.read(x, model.family.call(model.net, x, t, both[0], Residuals()).float(), at)
        x = path.noised(p.x0 if i < at else x, p.eps, i)
    null = together([model.family.null()] * len(x))
    made = Walk(model, path, model.guidance)(x, pictures, both[1], null, seed)
    return ((model.family.decode(made) + 1) / 2).clamp(0, 1)


def measured(
    folder: Path, count: int = COUNT, kept: Kept | None = None, note: Callable[[str], None] = print
) -> dict[str, Figures]:
    """Figures of every side network in a folder, by its name; "alone" are those of the model without any."""
    model = load("still-life", dtype="float32", device="cpu")
    judge, reader, found = load_judge(), segmenter_of(model), dict[str, Figures]()
    nets = {place.name: side_net(place, model) for place in sorted(folder.iterdir()) if place.is_dir()}
    for name, net in (nets | {ALONE: None}).items():
        if net is not None and name == OWN:
            found[name] = cycle_figures(model, net, judge, CycleNet(**CYCLE), count, kept)
        elif reader is not None:
            looked = "edges" if name == "canny" else "segmentation" if net is None else name
            found[name] = led_figures(model, net, looked, reader, judge, count, kept)
        note(f"{name}: {json.dumps(found.get(name))}")
    return found


if __name__ == "__main__":
    place = Path(sys.argv[1]) if len(sys.argv) > 1 else SHIPPED["still-life"] / SIDES
    before = Kept.at(Path(sys.argv[3]) if len(sys.argv) > 3 else None)
    measured(place, int(sys.argv[2]) if len(sys.argv) > 2 else COUNT, before)
