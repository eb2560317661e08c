"""The demo's work: a drawn picture on disk, its edit, the strip with the true answer, and the figures."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

import click
import torch
from jaxtyping import Float
from torch import Tensor
from torch.nn.functional import max_pool2d

from overpaint.cli.answer import SCENE, drawn, scene_of
from overpaint.cli.options import Common
from overpaint.cli.running import perform, report
from overpaint.cli.words import one_line
from overpaint.errors import OverpaintError, UsageError
from overpaint.images import Picture, load_picture, save_picture, to_tensor
from overpaint.run.inputs import CAPTION
from overpaint.run.request import edit_request
from overpaint.stilllife.edits import EditCase, pairs
from overpaint.stilllife.judge import load as load_judge
from overpaint.stilllife.judge import score
from overpaint.stilllife.scene import FRAME, Scene, SceneError, to_json

CHANGED = 4 / 255
"""Two renders differ where any channel does by more than this share of its range."""
MARGIN = 4
"""Pixels around the change that count as part of it."""


@dataclass(frozen=True)
class Judged:
    """What the judge sees in the edit, held against the scene that was asked for."""

    right: int
    points: int
    wrong: tuple[str, ...]


def show(common: Common, folder: Path, what: str, steps: int, seed: int) -> None:
    """Draw, edit, compare, report."""
    case = pairs(seed, what)
    files = {name: folder / f"{name}.png" for name in ("source", "edited", "strip")}
    guard(files)
    prepared(folder, files["source"], case)
    click.echo(one_line(f"source: {case.source_prompt}"), err=common.as_json)
    click.echo(one_line(f"target: {case.target_prompt}"), err=common.as_json)
    request = {"source": case.source_prompt, "target": case.target_prompt, "seed": 0}
    options = {"inversion": "direct", "steps": steps}
    asked = edit_request("edit", "p2p", files["source"], request, options)
    common = replace(common, output=None, overwrite=True, cache=False, strip=files["strip"])
    done = perform(common, asked, files["edited"], always=True)
    if done is None or done.edit.source is None:
        return
    edit, source = done.edit, done.edit.source
    answer = drawn(case.target, FRAME)
    more = compared(source, edit.picture, answer)
    seen = judged(edit.picture, case.target)
    if common.as_json:
        judge = None if seen is None else {"right": seen.right, "points": seen.points, "wrong": seen.wrong}
        report(done, common, **more, judge=judge)
        return
    report(done, common)
    say_figures(more, seen)
    click.echo(one_line(f"Source, edit and true answer side by side: {files['strip']}"))


def guard(files: Mapping[str, Path]) -> None:
    """Refuse to write over what no demo left: pictures of these names beside no drawn source."""
    there = [file for file in files.values() if file.exists()]
    try:
        ours = not there or scene_of(load_picture(files["source"])) is not None
    except OverpaintError:
        ours = False
    if not ours:
        raise UsageError(f"{there[0]} exists already, and no demo made it; choose another folder with -o.")


def prepared(folder: Path, place: Path, case: EditCase) -> None:
    """The folder, and in it the drawn picture, which says what it was drawn from."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise UsageError(
            f"The folder {folder} cannot be made ({error.strerror}); choose another with -o."
        ) from None
    text = {SCENE: to_json(case.source), CAPTION: case.source_prompt}
    save_picture(drawn(case.source, FRAME), place, text, overwrite=True)


def compared(source: Picture, edit: Picture, answer: Picture) -> dict[str, float]:
    """The edit against the source where nothing should change, against the answer where something should."""
    was, got, wanted = (to_tensor(one) for one in (source, edit, answer))
    differs = ((was - wanted).abs().amax(1, keepdim=True) > 2 * CHANGED).float()
    inside = max_pool2d(differs, 2 * MARGIN + 1, 1, MARGIN).bool().expand_as(was)
    return {
        "share_changed": float(inside.float().mean()),
        "psnr_outside": decibels(got[~inside] - was[~inside]),
        "psnr_inside": decibels(got[inside] - wanted[inside]),
        "psnr_untouched": decibels(was[inside] - wanted[inside]),
    }


def decibels(error: Float[Tensor, " n"]) -> float:
    """Peak signal to noise ratio for values in [-1, 1]; 99 for none at all."""
    mean = error.square().mean() if error.numel() else torch.zeros(())
    return min(99.0, float(10 * torch.log10(4 / mean.clamp(min=1e-12))))


def judged(picture: Picture, scene: Scene) -> Judged | None:
    """What the shipped judge says; nothing where none is shipped."""
    try:
        judge = load_judge()
    except SceneError:
        return None
    (reading,) = judge.read((to_tensor(picture) + 1) / 2)
    marks: Mapping[str, bool] = score(reading, scene)
    wrong = tuple(name for name, right in marks.items() if not right)
    return Judged(len(marks) - len(wrong), len(marks), wrong)


def say_figures(figures: Mapping[str, float], seen: Judged | None) -> None:
    """The comparison for people."""
    click.echo(f"Outside the change: {figures['psnr_outside']:.1f} dB against the source")
    worse = (
        "; worse than the source left as it was" if figures["psnr_inside"] < figures["psnr_untouched"] else ""
    )
    click.echo(
        f"Inside the change: {figures['psnr_inside']:.1f} dB against the true answer "
        f"(the source itself: {figures['psnr_untouched']:.1f} dB){worse}"
    )
    if seen is not None:
        wrong = f"; wrong: {', '.join(seen.wrong)}" if seen.wrong else ""
        click.echo(f"The judge reads {seen.right} of {seen.points} points as the true answer has them{wrong}")
