"""The figures of the family, as the README states them, and the command that measures them."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence

import torch
from torch import Tensor

from overpaint.stilllife.captions import Caption, describe
from overpaint.stilllife.judge import Judge, Reading, score
from overpaint.stilllife.render import render
from overpaint.stilllife.scene import FRAME, SCENE_VALUES, Scene
from overpaint.stilllife.suits import GUIDANCE
from overpaint.train.data import held_out, sentences
from overpaint.train.judge import judge_figures
from overpaint.train.loop import grid
from overpaint.train.sampling import Painter
from overpaint.train.vae import psnr, reconstruct, vae_figures
from overpaint.train.word_maps import USED, pointing

Figures = dict[str, float]
Note = Callable[[str], None]


def all_figures(
    painter: Painter,
    judge: Judge,
    *,
    count: int = 500,
    steps: int = 50,
    guidance: float = GUIDANCE,
    note: Note = lambda _: None,
) -> dict[str, Figures]:
    """Everything: the judge on raw pictures, the autoencoder, samples of one and two things, inversion, and
    how often words point at what they speak of."""
    scenes = held_out(count)
    pictures = render(scenes, FRAME, painter.device)
    out = {"judge": judge_figures(judge, scenes, pictures)}
    note("judge")
    out["vae"] = vae_figures(painter.vae, scenes, painter.device) | {
        f"judge_{name}": value
        for name, value in judge_figures(judge, scenes, reconstruct(painter.vae, pictures)).items()
    }
    note("vae")
    for objects in (1, 2):
        out[f"unet_{objects}"] = sample_figures(
            painter, judge, objects, count, steps=steps, guidance=guidance
        )
        note(f"unet, {objects} things")
    out["inversion"] = inversion_figures(painter, min(count, 64), steps)
    note("inversion")
    looks = pointing(painter, min(count, 200))[USED]
    out["words"] = {name: share["peak"] for name, share in looks.items()}
    note("words")
    return out


def sample_figures(
    painter: Painter,
    judge: Judge,
    objects: int,
    count: int,
    *,
    steps: int = 50,
    guidance: float = GUIDANCE,
    seed: int = 0,
) -> Figures:
    """How often samples for held-out sentences show what was asked; what is left open is not counted."""
    scenes = held_out(count, objects, start=600_000 + 100_000 * objects)
    said = sentences(scenes, 7)
    pictures = painter.paint([caption.text for caption in said], steps=steps, guidance=guidance, seed=seed)
    return marks_of(judge.read(pictures), scenes, said)


def marks_of(readings: Sequence[Reading], scenes: Sequence[Scene], said: Sequence[Caption]) -> Figures:
    """Shares of right answers.

    "bound": of pictures in which every colour is said, those with every colour on the right thing (things are
    matched from left to right, or as fits best where the sentence does not order them). "whole": every kind
    and every said colour right. "all": everything said right.
    """
    right: dict[str, list[bool]] = {}
    for reading, scene, caption in zip(readings, scenes, said, strict=True):
        marks = score(reading, scene, caption.free)
        for name, mark in marks.items():
            right.setdefault(name.split(".")[-1], []).append(mark)
        colours = [mark for name, mark in marks.items() if name.endswith(".colour")]
        kinds = [mark for name, mark in marks.items() if name.endswith(".kind")]
        if len(colours) == len(kinds):
            right.setdefault("bound", []).append(all(colours))
        right.setdefault("whole", []).append(all(colours) and all(kinds) and marks["count"])
        right.setdefault("all", []).append(all(marks.values()))
    return {name: round(sum(marks) / len(marks), 4) for name, marks in right.items()}


def inversion_figures(painter: Painter, count: int, steps: int = 50) -> Figures:
    """DDIM inversion and back at guidance 1, against the autoencoder's round trip of the same pictures."""
    scenes = held_out(count)
    texts = [describe(scene).text for scene in scenes]
    pictures = render(scenes, FRAME, painter.device)
    latents = painter.encode(pictures)
    back = painter.denoise(painter.invert(latents, texts, steps), texts, steps, 1.0)
    plain, inverted = psnr(pictures, painter.decode(latents)), psnr(pictures, painter.decode(back))
    return {
        "vae_db": round(float(plain.mean()), 2),
        "inverted_db": round(float(inverted.mean()), 2),
        "lost_db": round(float((plain - inverted).mean()), 2),
    }


def sheet(painter: Painter, count: int = 32, *, steps: int = 30, guidance: float = GUIDANCE) -> Tensor:
    """Samples for full sentences about held-out scenes, laid out as one picture."""
    scenes = held_out(count, None, start=900_000)
    return grid(painter.paint([describe(scene).text for scene in scenes], steps=steps, guidance=guidance))


NAMES = tuple(SCENE_VALUES)


def table(figures: dict[str, Figures]) -> str:
    """The README's table, in Markdown: measured beside gate and aim."""
    rows = [
        ("VAE, PSNR over the frame", figures["vae"]["frame_db"], "28 dB", "31 dB"),
        ("VAE, PSNR inside object masks", figures["vae"]["mask_db"], "25 dB", "28 dB"),
        ("VAE, judge: kind after the round trip", figures["vae"]["judge_kind"], "95 %", "98 %"),
        ("VAE, judge: colour after the round trip", figures["vae"]["judge_colour"], "95 %", "98 %"),
        ("VAE, judge: the worst of all else but material and pose", _rest(figures["vae"]), "97 %", "97 %"),
        ("One object: kind", figures["unet_1"]["kind"], "80 %", "95 %"),
        ("One object: colour", figures["unet_1"]["colour"], "90 %", "97 %"),
        *((f"One object: {name}", figures["unet_1"][name], "95 %", "98 %") for name in NAMES),
        ("Two objects: colours bound", figures["unet_2"]["bound"], "50 %", "85 %"),
        ("DDIM inversion: dB lost to the VAE round trip", figures["inversion"]["lost_db"], "1.5 dB", ""),
    ]
    lines = [f"| {what} | {_shown(value, gate)} | {gate} | {aim} |" for what, value, gate, aim in rows]
    return "\n".join(["| figure | measured | gate | aim |", "|---|---|---|---|", *lines])


def _rest(vae: Figures) -> float:
    """The lowest share among what the judge reads, kinds and colours, material and pose aside."""
    apart = {f"judge_{name}" for name in ("kind", "colour", "material", "pose")}
    return min(value for name, value in vae.items() if name.startswith("judge_") and name not in apart)


def _shown(value: float, gate: str) -> str:
    return f"{100 * value:.1f} %" if gate.endswith("%") else f"{value:.2f} dB"


def device_of(name: str | None) -> torch.device:
    """The device asked for, or the best there is."""
    best = "cuda:" + os.environ.get("LOCAL_RANK", "0") if torch.cuda.is_available() else "cpu"
    return torch.device(name or best)
