"""What attention control costs: the time of an edit over the time of its bare network rows.

``python -m tests.bench_overhead [tiny] [still-life] [wide]`` walks Prompt-to-Prompt over Direct inversion
and, in turn with it, calls the network alone on as many batches of the same sizes. Medians of the paired
ratios are printed, by the clock and by processor time (which other programs disturb less). ``wide`` is an
SD 1 network of half its width, with random weights. It is no test: nothing here is collected by pytest.
"""

import sys
from collections.abc import Callable
from importlib import import_module
from statistics import median
from time import perf_counter, process_time
from typing import Any

import torch
from torch import Tensor, nn

from overpaint.families.tiny import tiny
from overpaint.families.unet import UNetFamily
from overpaint.methods.p2p import PromptToPrompt
from overpaint.model import Model
from overpaint.network import Residuals, Text, together
from overpaint.noise import Noise
from overpaint.run.loading import load
from overpaint.task import Task
from overpaint.words import Words

SOURCE, TARGET = "a red ball on the grass", "a blue ball on the grass"
WIDTHS, TEXT, TOKENS = (160, 320, 640, 640), 768, 77
Seconds = tuple[float, float]
"""By the clock and of the processor."""


def drawn(*shape: int, seed: int = 0) -> Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


def wide() -> tuple[Model, Task]:
    """SD 1's blocks, heads and text at half the channels, on 32 x 32 latents."""
    kind: Any = import_module("diffusers").UNet2DConditionModel
    net: nn.Module = kind(
        sample_size=32, block_out_channels=WIDTHS, cross_attention_dim=TEXT, attention_head_dim=8
    )
    base = tiny("sd1").family
    assert isinstance(base, UNetFamily)
    source, target, null = (written(prompt, seed) for seed, prompt in enumerate((SOURCE, TARGET, "")))
    return Model(net, base), Task((1, 4, 32, 32), null, Noise(0), drawn(1, 4, 32, 32), source, target)


def written(prompt: str, seed: int) -> Text:
    """A prompt whose states are noise: only their size matters here."""
    words = Words.of(prompt, lambda word: [100 + len(word)], 1, 2, TOKENS)
    return Text(drawn(1, TOKENS, TEXT, seed=seed), None, words)


def loaded(model: Model) -> tuple[Model, Task]:
    """A whole model, with prompts that it reads."""
    family = model.family
    shape = model.shape(family.side, family.side)
    source, target = family.text(SOURCE), family.text(TARGET)
    return model, Task(shape, family.null(), Noise(0), drawn(*shape), source, target)


def timed(work: Callable[[], object]) -> Seconds:
    clock, processor = perf_counter(), process_time()
    work()
    return perf_counter() - clock, process_time() - processor


def bare(model: Model, task: Task, steps: int) -> Callable[[], None]:
    """The rows of the edit without anything around them: one a step to invert, three a step to walk."""
    levels = model.path(steps).t

    def work() -> None:
        for texts in ([task.source], [task.null, task.source, task.target]):
            x, text = task.x0.expand(len(texts), -1, -1, -1), together(texts)
            for t in levels:
                model.family.call(model.net, x, t, text, Residuals())

    return work


def ratios(model: Model, task: Task, method: PromptToPrompt, pairs: int) -> tuple[Seconds, float]:
    """Medians of edit over bare rows, and the seconds of a bare row."""
    works = (lambda: method(model, task)), bare(model, task, method.steps)
    found: list[Seconds] = []
    rows: list[float] = []
    with torch.no_grad():
        for work in works:
            work()
        for k in range(pairs):
            order = (0, 1) if k % 2 else (1, 0)
            took = {which: timed(works[which]) for which in order}
            found.append((took[0][0] / took[1][0], took[0][1] / took[1][1]))
            rows.append(took[1][0] / (4 * method.steps))
    clock, processor = (median(pair[which] for pair in found) for which in (0, 1))
    return (clock, processor), median(rows)


MODELS: dict[str, tuple[Callable[[], tuple[Model, Task]], int, int]] = {
    "tiny": (lambda: loaded(tiny("sd1")), 10, 15),
    "still-life": (lambda: loaded(load("still-life", torch.float32, "cpu")), 10, 15),
    "wide": (wide, 5, 7),
}
"""How to make each, how many steps an edit has, and how many pairs are timed."""
EDITS: dict[str, dict[str, Any]] = {
    "windows 0.8 and 0.4": {},
    "windows open": {"cross_replace": 1.0, "self_replace": 1.0},
    "with local blend": {"blend": "ball"},
}


def main() -> None:
    torch.set_num_threads(1)
    for name in sys.argv[1:] or MODELS:
        make, steps, pairs = MODELS[name]
        model, task = make()
        for edit, fields in EDITS.items():
            method = PromptToPrompt.model_validate({"steps": steps, **fields})
            (clock, processor), row = ratios(model, task, method, pairs)
            print(
                f"{name:11s} {edit:20s} clock {clock:.3f}  processor {processor:.3f}  row {row * 1e3:.1f} ms",
                flush=True,
            )


if __name__ == "__main__":
    main()
