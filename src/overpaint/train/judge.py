"""Training the judge on pictures whose truth is exact: as drawn, and as the autoencoder gives them back."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence

import torch
from jaxtyping import Float
from torch import Tensor
from torch.nn.functional import avg_pool2d, binary_cross_entropy_with_logits, cross_entropy

from overpaint.stilllife.judge import CELL, CELLS, Answers, Judge, score
from overpaint.stilllife.render import render
from overpaint.stilllife.scene import FRAME, SCENE_VALUES, THING_VALUES, Scene
from overpaint.train.data import Renders, held_out, pick, training_scene
from overpaint.train.loop import Batch, Stage
from overpaint.train.nets import mixed
from overpaint.train.optim import Rates

BATCH = 32
NO_THING = -100
"""Cells without a thing: cross-entropy passes them over."""


HARD: Mapping[str, float] = {"kind": 1.5, "material": 2.0}
"""What counts more than once: the attributes of which most mistakes were."""


def judge_stage(
    judge: Judge,
    renders: Renders,
    echoes: Renders,
    steps: int,
    rates: Rates,
    *,
    through: Callable[[Tensor], Tensor],
    batch: int = BATCH,
    exam: int = 256,
) -> Stage:
    """Cells and pictures at once; cells round a middle are asked too, with less weight.

    Half of every batch are pictures as drawn (`renders`), half what the autoencoder made of some (`echoes`);
    `through` is that autoencoder, for measuring.
    """

    def data(step: int) -> Batch:
        drawn = pick(step, batch // 2, renders.count)
        back = pick(step, batch - len(drawn), echoes.count, seed=3)
        scenes = [training_scene(k) for k in (*drawn, *back)]
        truth = {name: value.to(renders.device) for name, value in targets(scenes).items()}
        return {"pixels": torch.cat([renders.pictures(drawn), echoes.pictures(back)]), **truth}

    def loss(batch: Batch, generator: torch.Generator) -> tuple[Tensor, dict[str, Tensor]]:
        with mixed(renders.device):
            answers = judge(worn(batch["pixels"], generator))
        return judge_loss(in_full(answers), batch)

    scenes = held_out(exam)

    def measure() -> dict[str, float]:
        pictures = render(scenes, FRAME, renders.device)
        back = judge_figures(judge, scenes, through(pictures))
        return judge_figures(judge, scenes, pictures) | {f"vae_{name}": v for name, v in back.items()}

    return Stage("judge", {"judge": judge}, data, loss, steps, rates, batch, measure, None, (judge,))


def targets(scenes: Sequence[Scene]) -> dict[str, Tensor]:
    """What the judge should say: "b 16 16" of indices for attributes of things, "b" for the surroundings.

    `present` is 1 in the cell of a middle, -1 (surely none, but asked less) in the cells round it, else 0.
    """
    b = len(scenes)
    out = {name: torch.full((b, CELLS, CELLS), NO_THING) for name in THING_VALUES}
    out["present"], out["offset"] = torch.zeros(b, CELLS, CELLS), torch.zeros(b, 2, CELLS, CELLS)
    for k, scene in enumerate(scenes):
        for t in scene.things:
            x, y = t.x / CELL, (t.row - t.half) / CELL
            row, column = int(y), int(x)
            near = (k, slice(max(0, row - 1), row + 2), slice(max(0, column - 1), column + 2))
            out["present"][near] = -1
            for name, values in THING_VALUES.items():
                out[name][near] = values.index(getattr(t, name))
            out["present"][k, row, column] = 1
            out["offset"][k, :, row, column] = torch.tensor((x - column, y - row))
    for name, values in SCENE_VALUES.items():
        out[name] = torch.tensor([values.index(getattr(scene, name)) for scene in scenes])
    return out


def in_full(answers: Answers) -> Answers:
    """The same logits in float32."""
    parts = ({name: v.float() for name, v in part.items()} for part in (answers.thing, answers.scene))
    return Answers(answers.present.float(), answers.offset.float(), *parts)


def judge_loss(answers: Answers, truth: Batch) -> tuple[Tensor, dict[str, Tensor]]:
    """Weighted sum of the losses of all questions."""
    present = truth["present"]
    middle = present == 1
    asked = binary_cross_entropy_with_logits(answers.present, middle.float(), reduction="none")
    parts = {"present": (asked * torch.where(present < 0, 0.3, 1.0)).sum() / middle.sum()}
    wrong = (answers.offset - truth["offset"]).abs().sum(1)
    parts["offset"] = (wrong * middle).sum() / middle.sum()
    weight = torch.where(middle, 1.0, 0.1)
    for name, logits in answers.thing.items():
        each = cross_entropy(logits, truth[name], ignore_index=NO_THING, reduction="none")
        parts[name] = (each * weight).sum() / (weight * (truth[name] >= 0)).sum()
    for name, logits in answers.scene.items():
        parts[name] = cross_entropy(logits, truth[name])
    total = torch.stack([HARD.get(name, 1.0) * value for name, value in parts.items()]).sum()
    return total, {name: value.detach() for name, value in parts.items()}


def worn(pictures: Float[Tensor, "b 3 h w"], generator: torch.Generator) -> Float[Tensor, "b 3 h w"]:
    """Pictures slightly blurred, tinted and noisy, as autoencoders give them back; a third stay as drawn."""
    b, device = len(pictures), pictures.device
    chance = torch.rand(4, b, 1, 1, 1, generator=generator, device=device)
    blurred = avg_pool2d(pictures, 3, 1, 1, count_include_pad=False)
    out = pictures.lerp(blurred, chance[0])
    gain = 1 + 0.05 * (2 * torch.rand(b, 3, 1, 1, generator=generator, device=device) - 1)
    noise = torch.randn(pictures.shape, generator=generator, device=device)
    out = out * gain + 0.03 * chance[1] * noise
    return torch.where(chance[2] < 1 / 3, pictures, out).clamp(0, 1)


def judge_figures(
    judge: Judge, scenes: Sequence[Scene], pictures: Float[Tensor, "b 3 h w"], *, placed: bool = True
) -> dict[str, float]:
    """Share of right answers for every attribute, things of a picture counted one by one."""
    right: dict[str, list[bool]] = defaultdict(list)
    for reading, scene in zip(judge.read(pictures), scenes, strict=True):
        for name, mark in score(reading, scene, placed=placed).items():
            right[name.split(".")[-1]].append(mark)
    return {name: round(sum(marks) / len(marks), 4) for name, marks in right.items()}
