"""Edits beside true answers: ``python -m tests.gallery FILE.png`` draws the sheet and prints its figures.

Every case is Prompt-to-Prompt over Direct inversion on the shipped model. It is no test: nothing here is
collected by pytest.
"""

import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import overpaint
from overpaint.cli.answer import drawn
from overpaint.cli.showing import compared, judged
from overpaint.images import Picture, save_picture
from overpaint.images.picture import from_pil
from overpaint.images.sheets import flat, scaled, sheet
from overpaint.run.loading import load
from overpaint.stilllife.captions import describe
from overpaint.stilllife.edits import edited, pairs
from overpaint.stilllife.scene import FRAME, Scene

CELL, COLUMNS = 256, 6


@dataclass(frozen=True)
class Case:
    """A drawn scene, what is said of it and wished for, and the scene that would be the right answer."""

    title: str
    scene: Scene
    source: str
    target: str
    answer: Scene
    options: Mapping[str, Any] = field(default_factory=dict[str, Any])


def swap(what: str, seed: int, title: str = "", **options: Any) -> Case:
    """One attribute by another."""
    case = pairs(seed, what)
    title = title or f"swap: {what}"
    return Case(title, case.source, case.source_prompt, case.target_prompt, case.target, options)


def refine(what: str, seed: int, old: str, new: str) -> Case:
    """Words added to the sentence."""
    scene = pairs(seed, what).source
    source = describe(scene).text
    target = source.replace(old, new)
    answer = edited(scene, source, target)
    assert answer is not None and target != source, f"{source} => {target}"
    return Case("refinement", scene, source, target, answer)


def weigh(title: str, case: Case, answer: Scene, **factors: float) -> Case:
    """The same words, weighed otherwise."""
    return Case(title, case.scene, case.source, case.target, answer, {"reweight": factors})


def same(what: str, seed: int) -> Case:
    """No other words."""
    scene = pairs(seed, what).source
    return Case("", scene, describe(scene).text, describe(scene).text, scene)


def cases() -> list[Case]:
    """A case of every kind."""
    evening, stripes = swap("time", 1), same("size", 4)
    plain = stripes.scene.with_thing(0, material="matte")
    return [
        swap("kind", 0),
        swap("colour", 4),
        swap("material", 10),
        swap("ground", 7),
        swap("time", 4),
        swap("style", 7),
        refine("size", 3, "on snow", "left of a small red cube on snow"),
        swap("colour", 8, "local blend", blend="cyan=>white"),
        weigh("re-weighting up: sunset x 2", evening, evening.answer, sunset=2.0),
        weigh("re-weighting down: striped x -3", stripes, plain, striped=-3.0),
    ]


def captioned(case: Case, pictures: list[Picture]) -> tuple[list[Any], list[str]]:
    """A case as three cells of the sheet."""
    words = f"{case.title}: {case.target}" if case.target != case.source else case.title
    return [scaled(flat(p), CELL) for p in pictures], [case.source, words, "true answer"]


def main(place: Path) -> None:
    """Edit all, draw the sheet, print the table."""
    model = load("still-life", device="cpu")
    cells, captions = list[Any](), list[str]()
    print("| edit | judge | outside, dB | inside, dB | the source itself inside, dB |\n|---|---|---|---|---|")
    for case in cases():
        picture, answer = drawn(case.scene, FRAME), drawn(case.answer, FRAME)
        edit = overpaint.edit(
            picture, source=case.source, target=case.target, model=model, **case.options
        ).picture
        found, seen = compared(picture, edit, answer), judged(edit, case.answer)
        more = captioned(case, [picture, edit, answer])
        cells += more[0]
        captions += more[1]
        marks = "" if seen is None else f"{seen.right} of {seen.points} {' '.join(seen.wrong)}".strip()
        decibels = (f"{found[f'psnr_{where}']:.1f}" for where in ("outside", "inside", "untouched"))
        print(f"| {case.title} | {marks} | {' | '.join(decibels)} |", flush=True)
    save_picture(from_pil(sheet(cells, captions, COLUMNS)), place, {}, overwrite=True)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
