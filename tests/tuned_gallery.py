"""What DiffusionCLIP learns on Still Life: ``python -m tests.tuned_gallery FOLDER [OPTION ...]``.

Tunes the network for each of a few changes, on some held-out pictures, then edits others by it, which nothing
was learned from. Prints the table of ``docs/diffusion-clip.md`` and draws the first picture of each change
into FOLDER, where what was learned stays; options are those of ``overpaint learn diffusion-clip``. It is no
test: nothing here is collected by pytest.
"""

import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

from overpaint import edit, load
from overpaint.bench.judging import verdict
from overpaint.bench.still_life import picture
from overpaint.images import Picture, save_picture
from overpaint.model import Model
from overpaint.stilllife.captions import describe
from overpaint.stilllife.scene import Scene, sample
from tests.cells import sheet_of

FIRST, PICTURES, OTHERS, CELL = 820_000, 8, 20, 128
PLAIN = {"style": "photograph", "time": "day"}
CHANGES: Mapping[str, tuple[Mapping[str, str], Mapping[str, str], str, str, int]] = {
    "pencil": (PLAIN, {"style": "pencil"}, "a colour photograph", "a pencil drawing", 400),
    "sand": (PLAIN | {"ground": "grass"}, {"ground": "sand"}, "a ball on grass", "a ball on sand", 400),
    "sunset": (
        PLAIN,
        {"time": "sunset"},
        "a colour photograph at noon",
        "a colour photograph at sunset",
        700,
    ),
    "pixel": (PLAIN, {"style": "pixel"}, "a colour photograph", "a pixel picture", 700),
}
"""Surroundings before and after, the prompts by which the change is learned, and the level it begins at."""
OPTIONS = ("--tune", "full", "--rate", "0.0001", "--rise", "1", "--passes", "6")
"""How it is learned, unless told otherwise."""


def scenes(surroundings: Mapping[str, str], first: int, count: int) -> list[Scene]:
    """Held-out scenes in given surroundings."""
    return [sample(FIRST + first + k).with_surroundings(**surroundings) for k in range(count)]


def learned(name: str, folder: Path, options: Sequence[str]) -> Path:
    """The network's change, learned once."""
    place = folder / f"{name}.safetensors"
    if not place.exists():
        before, _, source, target, level = CHANGES[name]
        files = list[str]()
        for k, scene in enumerate(scenes(before, 0, PICTURES)):
            files.append(str(folder / f"{name}-{k}.png"))
            save_picture(picture(scene), Path(files[-1]), {}, overwrite=True)
        said = ["--source", source, "--target", target, "--level", str(level), "-o", str(place)]
        learn = [sys.executable, "-m", "overpaint", "learn", "diffusion-clip"]
        subprocess.run([*learn, *files, *said, *(options or OPTIONS)], check=True)
    return place


def judged(model: Model, name: str, place: Path) -> tuple[list[int], list[Picture]]:
    """How many of other pictures changed, were kept and both; and the first: before, after, true answer."""
    before, after, *_ = CHANGES[name]
    counts, first = [0, 0, 0], list[Picture]()
    for scene in scenes(before, 1000, OTHERS):
        wanted = scene.with_surroundings(**after)
        source, options = describe(scene).text, {"learned": [str(place)]}
        made = edit(
            picture(scene), source=source, method="diffusion-clip", model=model, look=False, options=options
        ).picture
        found = verdict(made, scene, wanted)
        marks = (found.changed, found.kept, found.changed and found.kept)
        counts = [n + mark for n, mark in zip(counts, marks, strict=True)]
        first = first or [picture(scene), made, picture(wanted)]
    return counts, first


def gallery(folder: Path, options: Sequence[str]) -> None:
    """The table and its picture."""
    model, cells = load("still-life", device="cpu"), list[tuple[Picture, str]]()
    print("| learned | seen by the judge | the rest kept | both |\n|---|---|---|---|")
    for name in CHANGES:
        counts, first = judged(model, name, learned(name, folder, options))
        print(f"| {name} | " + " | ".join(f"{n / OTHERS:.2f}" for n in counts) + " |", flush=True)
        cells += zip(first, ("before", name, "true answer"), strict=True)
    save_picture(sheet_of(cells, 6, CELL), folder / "tuned.webp", {}, overwrite=True)


if __name__ == "__main__":
    home, *options = sys.argv[1:]
    Path(home).mkdir(parents=True, exist_ok=True)
    gallery(Path(home), options)
