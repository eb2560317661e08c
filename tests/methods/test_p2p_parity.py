"""Prompt-to-Prompt against arrays of the published code: latents and masks, step by step.

A step of the stored runs takes seconds, so by default only the steps around the first and the last stored one
are walked, the latter from stored latents; with the marker ``every_step`` the method itself walks them whole.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any

import pytest
import torch
from tests.methods.watching import Shared, watched
from tests.parity import Golden, compare, golden_model
from torch import Tensor

from overpaint.guides import CFG, Plain
from overpaint.meter import Meter
from overpaint.methods.p2p import PromptToPrompt, parts
from overpaint.model import Branch, Model
from overpaint.path import Latent
from overpaint.sample import Latents, ddim
from overpaint.task import Task

SWAPS = ("replace", "replace-1to2", "replace-2to1", "replace-word-windows")
UNBLENDED = (*SWAPS, "refine", "reweight")
BLENDED = ("localblend-v1", "localblend-v2")


def golden(name: str) -> Golden:
    return Golden.load(f"p2p-{name}")


def tolerance(g: Golden) -> float:
    """The number at the start of what is stated."""
    return float(g.tolerance.split()[0])


def method_of(settings: Mapping[str, Any]) -> PromptToPrompt:
    """The stored settings in our words; what the published code does wrong is repeated."""
    cross: Any = settings["cross_replace_steps"]
    by_word: dict[str, Any] = {"default_": cross} if isinstance(cross, float) else dict(cross)
    words, factors = settings["equalizer"] or ((), ())
    none: dict[str, Any] = {"version": 2, "words": None, "subtract_words": None, "th": [0.3]}
    blend: dict[str, Any] = settings["local_blend"] or none
    return PromptToPrompt(
        steps=settings["num_inference_steps"],
        guidance=settings["guidance"],
        kind="swap" if settings.get("edit") == "replace" else "refine",
        cross_replace=by_word.pop("default_"),
        self_replace=settings["self_replace_steps"],
        word_windows=by_word,
        reweight=dict(zip(words, factors, strict=True)),
        blend=arrow(blend["words"]),
        blend_subtract=arrow(blend["subtract_words"]),
        blend_threshold=blend["th"][0],
        blend_version=blend["version"],
        self_limit=int(settings["self_limit"].partition("x")[0]),
        official=True,
    )


def arrow(words: list[list[str]] | None) -> str:
    return "=>".join(", ".join(side) for side in words) if words else ""


def task_of(model: Model, g: Golden, x0: Tensor) -> Task:
    prompts = (g.settings[f"{which}_prompt"] for which in ("source", "target"))
    source, target = map(model.family.text, prompts)
    return Task((1, 4, 64, 64), model.family.null(), given_x0=x0, given_source=source, given_target=target)


def walk(model: Model, g: Golden, xs: Latents, start: int, stop: int) -> Latents:
    """Some steps of the edit, from given latents."""
    o, task = method_of(g.settings), task_of(model, g, g["x_T"])
    path, (controls, blend) = model.path(o.steps), parts(o, model, task)
    home, away = (CFG(text, task.null, o.guidance) for text in (task.source, task.target))
    with torch.no_grad(), model.control(*controls):
        for i in range(start, stop):
            # Where nobody looks at the source's last latent, its row without the prompt can be spared.
            own = Plain(task.source) if blend is None and i == stop - 1 else home
            ps = model.predict(xs, i, path, [Branch("src", own), Branch("tgt", away)])
            xs = {name: ddim(path, i, xs[name], p) for name, p in ps.items()}
            xs = xs if blend is None else blend(i, xs)
    return xs


@pytest.mark.parametrize("name", [*UNBLENDED, "localblend-v1"])
def test_parity_of_the_first_step(name: str) -> None:
    g, model = golden(name), golden_model()
    mine = walk(model, g, {"src": g["x_T"], "tgt": g["x_T"]}, 0, 1)["tgt"]
    compare(g.name, "after step 0", mine[0], g["edited_steps"][0], tolerance(g))
    if "blend_masks_target_row" in g.arrays:
        assert torch.equal(model.meter.maps["blend"], g["blend_masks_target_row"][:1].bool())


@pytest.mark.parametrize("name", UNBLENDED)
def test_parity_of_the_last_kept_step(name: str) -> None:
    g = golden(name)
    before, last = (int(step) for step in g["kept_steps"][-2:])
    xs = {"src": g["source_step"], "tgt": g["state"]}
    mine = walk(golden_model(), g, xs, before + 1, last + 1)["tgt"]
    compare(g.name, f"after step {last}", mine[0], g["edited_steps"][-1], tolerance(g))


def test_parity_of_a_late_blend() -> None:
    g, model = golden("localblend-v2"), golden_model()
    second = int(g["kept_steps"][1])
    mine = walk(model, g, {"src": g["x_T"], "tgt": g["x_T"]}, 0, second + 1)["tgt"]
    compare(g.name, f"after step {second}", mine[0], g["edited_steps"][1], tolerance(g))
    masks = model.meter.maps["blend"]
    assert torch.equal(masks, g["blend_masks_target_row"][: len(masks)].bool())
    assert len(masks) == second + 1 - 2, "nothing is blended during the first fifth of ten steps"


def test_parity_over_direct_inversion() -> None:
    g, model = golden("direct"), golden_model()
    method = method_of({**g.settings, "edit": "refine"})
    with torch.no_grad():
        result = method(model, task_of(model, g, g["x0"]))
    compare(g.name, "edited", result, g["edited"], tolerance(g))
    assert model.meter.rows == 8 + 3 * 8


@dataclass(frozen=True)
class Walked:
    states: list[dict[str, Latent]]
    result: Latent
    meter: Meter


@cache
def whole(name: str) -> Walked:
    """The method itself, from the stored noise."""
    g, model = golden(name), watched(golden_model())
    method = method_of(g.settings).changed(inversion=Shared())
    with torch.no_grad():
        result = method(model, task_of(model, g, g["x_T"]))
    return Walked(model.states, result, model.meter)


@pytest.mark.every_step
@pytest.mark.parametrize("name", [*UNBLENDED, *BLENDED])
def test_parity_every_step(name: str) -> None:
    g, mine = golden(name), whole(name)
    for k, step in enumerate(int(step) for step in g["kept_steps"]):
        found = mine.states[step + 1]["tgt"][0]
        compare(g.name, f"after step {step}, whole", found, g["edited_steps"][k], tolerance(g))
    compare(g.name, "edited", mine.result, g["edited"], tolerance(g))
    if "source_step" in g.arrays:
        found = mine.states[int(g["kept_steps"][-2]) + 1]["src"]
        compare(g.name, "source", found, g["source_step"], tolerance(g))


@pytest.mark.every_step
@pytest.mark.parametrize("name", BLENDED)
def test_parity_of_every_mask(name: str) -> None:
    stored = golden(name)["blend_masks_target_row"].bool()
    assert torch.equal(whole(name).meter.maps["blend"], stored)
    assert 0.05 < float(stored.float().mean()) < 0.95, "masks that cover all or nothing would prove little"
