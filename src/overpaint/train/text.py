"""The text tower, trained on sentences alone, then frozen.

The state of every noun has to know what the sentence says of its thing, words of the surroundings their
value, and the pooled state everything. The linear heads that ask are thrown away; what stays are states in
which attributes are bound to their nouns before any picture is seen.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn
from torch.nn.functional import cross_entropy
from transformers import CLIPTextModel

from overpaint.stilllife.captions import Caption
from overpaint.stilllife.scene import SCENE_VALUES, THING_VALUES, Scene
from overpaint.stilllife.tokenizer import EOS_ID, MAX_LENGTH
from overpaint.train.data import held_out, sentences, token_batch, training_scene
from overpaint.train.loop import Batch, Stage
from overpaint.train.nets import TEXT_WIDTH
from overpaint.train.optim import Rates

BATCH = 64
UNSAID = 0
"""Class of every question for what the sentence leaves open; the values follow it."""
NOT_ASKED = -100


def _questions() -> dict[str, int]:
    """Classes of every question: asked of words, then (after "all.") of the pooled state."""
    word = {name: len(values) + 1 for name, values in {**THING_VALUES, **SCENE_VALUES}.items()} | {"place": 4}
    things = {f"all.thing{k}.{name}": len(v) + 1 for k in range(3) for name, v in THING_VALUES.items()}
    return word | things | {f"all.{name}": len(v) + 1 for name, v in SCENE_VALUES.items()}


QUESTIONS: Mapping[str, int] = _questions()


class Heads(nn.Module):
    """One linear layer for every question."""

    def __init__(self) -> None:
        super().__init__()
        self.word = nn.Linear(
            TEXT_WIDTH, sum(n for name, n in QUESTIONS.items() if not name.startswith("all."))
        )
        self.pooled = nn.Linear(
            TEXT_WIDTH, sum(n for name, n in QUESTIONS.items() if name.startswith("all."))
        )

    def forward(self, states: Float[Tensor, "b n d"], pooled: Float[Tensor, "b d"]) -> dict[str, Tensor]:
        """Logits by question, "b n c" for words and "b c" for the pooled state."""
        out: dict[str, Tensor] = {}
        for logits, asked in ((self.word(states), False), (self.pooled(pooled), True)):
            names = [name for name in QUESTIONS if name.startswith("all.") == asked]
            out |= dict(zip(names, logits.split([QUESTIONS[name] for name in names], -1), strict=True))
        return out


def text_stage(
    tower: CLIPTextModel,
    heads: Heads,
    steps: int,
    rates: Rates,
    device: torch.device,
    *,
    batch: int = BATCH,
    exam: int = 512,
) -> Stage:
    """Endless sentences about endless scenes: no picture is drawn, so every batch is new."""

    def data(step: int) -> Batch:
        scenes = [training_scene(10_000_000 + step * batch + k) for k in range(batch)]
        return _batch(scenes, sentences(scenes, step), device)

    def loss(batch: Batch, generator: torch.Generator) -> tuple[Tensor, dict[str, Tensor]]:
        del generator
        answers = heads(*text_states(tower, batch["tokens"]))
        parts = {name: _asked(answers[name], batch[name]) for name in QUESTIONS}
        word = [p for name, p in parts.items() if not name.startswith("all.")]
        pooled = [p for name, p in parts.items() if name.startswith("all.")]
        sums = {"word": torch.stack(word).sum(), "pooled": torch.stack(pooled).sum()}
        return sums["word"] + 0.5 * sums["pooled"], {name: value.detach() for name, value in sums.items()}

    scenes = held_out(exam)
    test = _batch(scenes, sentences(scenes, 1), device)

    def measure() -> dict[str, float]:
        answers = heads(*text_states(tower, test["tokens"]))
        marks = {
            name: (answers[name].argmax(-1) == test[name])[test[name] != NOT_ASKED] for name in QUESTIONS
        }
        word = torch.cat([m.float() for name, m in marks.items() if not name.startswith("all.")])
        pooled = torch.cat([m.float() for name, m in marks.items() if name.startswith("all.")])
        worst = min(float(m.float().mean()) for m in marks.values() if m.numel())
        return {
            "word": round(float(word.mean()), 4),
            "pooled": round(float(pooled.mean()), 4),
            "worst": round(worst, 4),
        }

    return Stage(
        "text", {"text": tower, "heads": heads}, data, loss, steps, rates, batch, measure, None, (tower,)
    )


def text_states(
    tower: CLIPTextModel, tokens: Int[Tensor, "b n"]
) -> tuple[Float[Tensor, "b n d"], Float[Tensor, "b d"]]:
    """States of all tokens and of the first EOS."""
    states = tower(input_ids=tokens).last_hidden_state
    first = (tokens == EOS_ID).int().argmax(1)
    return states, states[torch.arange(len(tokens), device=tokens.device), first]


def shortened(tokens: Int[Tensor, "b n"]) -> Int[Tensor, "b fewer"]:
    """Without what is padding in every row: the tower is causal, so that it changes nothing before it.

    On accelerators all of it stays, as shapes that change cost more there.
    """
    longest = int((tokens != EOS_ID).sum(1).max()) + 1 if tokens.device.type == "cpu" else tokens.shape[1]
    return tokens[:, :longest]


def _batch(scenes: Sequence[Scene], said: Sequence[Caption], device: torch.device) -> Batch:
    tokens = shortened(token_batch([caption.text for caption in said]).to(device))
    longest = tokens.shape[1]
    labels = {name: label.to(device) for name, label in labels_of(scenes, said).items()}
    short = {name: label[:, :longest] if label.ndim == 2 else label for name, label in labels.items()}
    return {"tokens": tokens, **short}


def labels_of(scenes: Sequence[Scene], said: Sequence[Caption]) -> dict[str, Tensor]:
    """The right answers: "b tokens" for words (`NOT_ASKED` elsewhere), "b" for the pooled state."""
    b = len(scenes)
    out = {
        name: torch.full((b,), UNSAID) if name.startswith("all.") else torch.full((b, MAX_LENGTH), NOT_ASKED)
        for name in QUESTIONS
    }
    for row, (scene, caption) in enumerate(zip(scenes, said, strict=True)):
        _label_words(out, row, scene, caption)
        _label_whole(out, row, scene, caption)
    return out


def _label_words(out: dict[str, Tensor], row: int, scene: Scene, caption: Caption) -> None:
    for place, role in enumerate(caption.words, start=1):
        if role is None or role.attribute == "relation":
            continue
        if role.thing < 0:
            out[role.attribute][row, place] = _class(scene, role.attribute)
        elif role.attribute == "kind":
            for name in THING_VALUES:
                out[name][row, place] = _thing_class(scene, role.thing, name, caption)
            # The first noun cannot know on which side it will turn out to stand.
            told = "relation" not in caption.free and role.thing != caption.order[0]
            out["place"][row, place] = role.thing + 1 if told else UNSAID


def _label_whole(out: dict[str, Tensor], row: int, scene: Scene, caption: Caption) -> None:
    for k in range(len(scene.things)):
        for name in THING_VALUES:
            out[f"all.thing{k}.{name}"][row] = _thing_class(scene, k, name, caption)
    for name in SCENE_VALUES:
        out[f"all.{name}"][row] = UNSAID if name in caption.free else _class(scene, name)


def _class(scene: Scene, name: str) -> int:
    return 1 + SCENE_VALUES[name].index(getattr(scene, name))


def _thing_class(scene: Scene, thing: int, name: str, caption: Caption) -> int:
    roles = {role.attribute for role in caption.words if role is not None and role.thing == thing}
    return 1 + THING_VALUES[name].index(getattr(scene.things[thing], name)) if name in roles else UNSAID


def _asked(logits: Tensor, labels: Tensor) -> Tensor:
    return cross_entropy(logits.flatten(0, -2), labels.flatten(), ignore_index=NOT_ASKED)
