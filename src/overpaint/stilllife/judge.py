"""The judge: a small network that says what a picture shows, and the comparison of that with a scene.

The network looks at 16x16 cells of 8 px. A cell says whether the middle of a thing lies in it and where, and
what that thing is (one-stage detection as in Zhou et al. 2019, arXiv 1904.07850); the whole picture says
ground, time and style.
"""

from __future__ import annotations

import itertools
import json
from collections.abc import Mapping, Sequence, Set
from dataclasses import dataclass
from pathlib import Path

import torch
from jaxtyping import Float
from safetensors.torch import load_file  # pyright: ignore[reportUnknownVariableType]
from torch import Tensor, nn
from torch.nn.functional import interpolate, max_pool2d

from overpaint.families.blocks import Block, conv
from overpaint.stilllife.scene import FRAME, SCENE_VALUES, THING_VALUES, Scene, SceneError, Thing

FOLDER = Path(__file__).parent / "model" / "judge"
CELL = 8
"""Frame pixels a side of a cell."""
CELLS = FRAME // CELL
NEAR = 8.0
"""Frame pixels within which a thing counts as in its place."""
SURE = 0.5
"""A cell that is less sure of a thing than this shows none."""


@dataclass(frozen=True)
class ReadThing:
    """One thing the judge sees; `x` and `y` are the middle of its box in frame pixels."""

    kind: str
    colour: str
    material: str
    size: str
    pose: str
    x: float
    y: float
    sure: float


@dataclass(frozen=True)
class Reading:
    """What the judge sees: up to three things from left to right, and the surroundings."""

    things: tuple[ReadThing, ...]
    ground: str
    time: str
    style: str


@dataclass(frozen=True)
class Answers:
    """What the network says: logits of every cell and of the picture."""

    present: Float[Tensor, "b 16 16"]
    offset: Float[Tensor, "b 2 16 16"]
    """Where in its cell the middle lies, x and y in [0, 1]."""
    thing: Mapping[str, Float[Tensor, "b _ 16 16"]]
    scene: Mapping[str, Float[Tensor, "b _"]]


class Judge(nn.Module):
    """The network. `read` turns pictures into readings; `forward` gives the raw answers to train on."""

    def __init__(self, width: int = 96) -> None:
        super().__init__()
        self.width = width
        near, mid = width // 4, width // 2
        self.stem = nn.Sequential(conv(3, near, 2), conv(near, mid, 2), Block(mid), conv(mid, width, 2))
        self.body = nn.Sequential(Block(width), Block(width, 2), Block(width), Block(width, 2))
        self.whole = nn.Sequential(nn.Linear(2 * width, 2 * width), nn.ReLU())
        self.beside = nn.Linear(2 * width, width)
        counts = [1, 2, *(len(values) for values in THING_VALUES.values())]
        last = nn.Conv2d(2 * width, sum(counts), 1)
        self.cells = nn.Sequential(nn.Conv2d(width, 2 * width, 1), nn.ReLU(), last)
        self.picture = nn.Linear(2 * width, sum(len(values) for values in SCENE_VALUES.values()))
        self._counts = counts
        if last.bias is not None:  # few cells hold a thing: starting there saves many steps
            nn.init.constant_(last.bias[:1], -5.0)

    def forward(self, pictures: Float[Tensor, "b 3 128 128"]) -> Answers:
        """Logits for pictures in [0, 1]."""
        x = self.body(self.stem(pictures * 2 - 1))
        whole = self.whole(torch.cat([x.mean((2, 3)), x.amax((2, 3))], 1))
        cells = self.cells(torch.relu(x + self.beside(whole)[:, :, None, None]))
        present, offset, *attributes = cells.split(self._counts, 1)
        scene = self.picture(whole).split([len(values) for values in SCENE_VALUES.values()], 1)
        return Answers(
            present[:, 0],
            offset.sigmoid(),
            dict(zip(THING_VALUES, attributes, strict=True)),
            dict(zip(SCENE_VALUES, scene, strict=True)),
        )

    def told(self) -> dict[str, int]:
        """What is needed to build it."""
        return {"width": self.width}

    @torch.no_grad()
    def read(self, pictures: Float[Tensor, "b 3 h w"], chunk: int = 64) -> list[Reading]:
        """What each picture (values in [0, 1], any size) shows."""
        weight = next(self.parameters())
        out: list[Reading] = []
        for start in range(0, len(pictures), chunk):
            part = pictures[start : start + chunk].to(weight)
            if part.shape[-2:] != (FRAME, FRAME):
                part = interpolate(part, (FRAME, FRAME), mode="bilinear", antialias=True, align_corners=False)
            out += _readings(self(part.clamp(0, 1)))
        return out


def load(folder: str | Path = FOLDER, device: str | torch.device = "cpu") -> Judge:
    """The shipped judge, or the one kept in `folder`, in float32 and ready to read."""
    folder = Path(folder)
    if not (folder / "model.safetensors").is_file():
        raise SceneError(
            f"There is no judge in {folder}; train one with 'overpaint train still-life --stage judge'."
        )
    config = json.loads((folder / "config.json").read_text(encoding="utf-8"))
    judge = Judge(config["width"])
    weights = load_file(folder / "model.safetensors")
    judge.load_state_dict(
        {name: value.float() if value.is_floating_point() else value for name, value in weights.items()}
    )
    return judge.to(device).eval()


def _readings(answers: Answers) -> list[Reading]:
    sure = answers.present.sigmoid()
    peak = (sure == max_pool2d(sure.unsqueeze(1), 3, 1, 1)[:, 0]) & (sure > SURE)
    best = (sure * peak).flatten(1).topk(3)
    named = {
        name: logits.argmax(1).flatten(1).gather(1, best.indices) for name, logits in answers.thing.items()
    }
    shift = answers.offset.flatten(2).gather(2, best.indices.unsqueeze(1).expand(-1, 2, -1))
    x = (best.indices % CELLS + shift[:, 0]) * CELL
    y = (best.indices // CELLS + shift[:, 1]) * CELL
    scene = {name: logits.argmax(1) for name, logits in answers.scene.items()}
    out: list[Reading] = []
    for k, marks in enumerate(best.values):
        things = [
            ReadThing(
                **{name: THING_VALUES[name][int(index[k, n])] for name, index in named.items()},
                x=float(x[k, n]),
                y=float(y[k, n]),
                sure=float(mark),
            )
            for n, mark in enumerate(marks)
            if mark > 0
        ]
        around = {name: SCENE_VALUES[name][int(index[k])] for name, index in scene.items()}
        out.append(Reading(tuple(sorted(things, key=lambda t: t.x)), **around))
    return out


def score(
    reading: Reading, scene: Scene, free: Set[str] = frozenset(), *, placed: bool = False
) -> dict[str, bool]:
    """Whether the reading agrees with the scene, point by point; what is in `free` is not asked.

    Keys: "thing0.kind" and so on for things from left to right, "ground", "time", "style", and "count". With
    `placed` a thing must also be where the scene puts it ("thing0.place") and things are matched by position;
    else from left to right, or in the order that fits best when "relation" is free.
    """
    pairs = _matched(reading.things, scene.things, placed, "relation" in free)
    marks = {"count": len(reading.things) == len(scene.things)}
    for k, (thing, seen) in enumerate(zip(scene.things, pairs, strict=True)):
        for name in THING_VALUES:
            marks[f"thing{k}.{name}"] = seen is not None and getattr(seen, name) == getattr(thing, name)
        if placed:
            marks[f"thing{k}.place"] = seen is not None and _away(seen, thing) <= NEAR
    marks |= {name: getattr(reading, name) == getattr(scene, name) for name in SCENE_VALUES}
    return {name: mark for name, mark in marks.items() if name not in free}


def _matched(
    seen: Sequence[ReadThing], things: Sequence[Thing], placed: bool, any_order: bool
) -> Sequence[ReadThing | None]:
    """For every thing of the scene the one that is seen in its stead, or None."""
    padded: list[ReadThing | None] = [*seen, *([None] * len(things))]
    if placed:
        return min(itertools.permutations(padded, len(things)), key=lambda order: _distance(order, things))
    surest = sorted(sorted(seen, key=lambda t: -t.sure)[: len(things)], key=lambda t: t.x)
    row: list[ReadThing | None] = [*surest, *([None] * (len(things) - len(surest)))]
    if not any_order:
        return row
    return max(itertools.permutations(row), key=lambda order: _agreement(order, things))


def _distance(order: Sequence[ReadThing | None], things: Sequence[Thing]) -> float:
    return sum(
        float(FRAME) if seen is None else _away(seen, thing)
        for seen, thing in zip(order, things, strict=True)
    )


def _away(seen: ReadThing, thing: Thing) -> float:
    return float(max(abs(seen.x - thing.x), abs(seen.y - (thing.row - thing.half))))


def _agreement(order: Sequence[ReadThing | None], things: Sequence[Thing]) -> int:
    pairs = [(seen, thing) for seen, thing in zip(order, things, strict=True) if seen is not None]
    return sum(2 * (s.kind == t.kind) + (s.colour == t.colour) for s, t in pairs)
