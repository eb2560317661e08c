"""Which layers decide what, and what a learned word keeps.

``python -m tests.layer_gallery FOLDER [layers|words]`` prints the two tables of ``docs/p-plus.md``, or one of
them, and draws their pictures into FOLDER: pictures from the same noise in which some layers read another
sentence, told by the judge; and things of held-out scenes that were learned as words from three pictures
each, then set on another ground. Words that were learned stay in FOLDER. It is no test: nothing here is
collected by pytest.
"""

import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from overpaint import generate, load
from overpaint.bench.still_life import picture
from overpaint.images import Picture, save_picture, to_tensor
from overpaint.model import Model
from overpaint.stilllife import judge as judging
from overpaint.stilllife.captions import describe
from overpaint.stilllife.scene import COLOURS, GROUNDS, KINDS, MATERIALS, Scene, sample
from tests.cells import sheet_of

FIRST, COUNT, STEPS, CELL = 810_000, 48, 25, 128
ALL = ("0:16",)
BANDS: Mapping[str, Sequence[str]] = {
    "none": (),
    "4 to 9 (coarsest maps)": ("4:10",),
    "2, 3, 10 to 12 (between)": ("2:4", "10:13"),
    "0, 1, 13 to 15 (finest maps)": ("0:2", "13:16"),
    "all but 4 to 9": ("0:4", "10:16"),
    "all": ALL,
}
"""Layers that read the other sentence."""
NOTED = ("kind", "colour", "material")
CONCEPTS, PICTURES, SEEDS = 2, 3, 16
WORD = "<mine>"
Seen = Callable[[Picture], Mapping[str, str]]


def alone(number: int) -> Scene:
    """A held-out scene of one thing, large and upright, in a photograph by day."""
    scene = sample(FIRST + number, 1).with_thing(0, size="large", pose="upright", x=64.0, row=104.0)
    return scene.with_surroundings(style="photograph", time="day")


def other(scene: Scene) -> Scene:
    """The same with a thing of another kind, colour and material."""
    thing = scene.things[0]

    def following(values: tuple[str, ...], value: str) -> str:
        return values[(values.index(value) + 1 + scene.seed % (len(values) - 1)) % len(values)]

    return scene.with_thing(
        0,
        kind=following(KINDS, thing.kind),
        colour=following(COLOURS, thing.colour),
        material=following(MATERIALS, thing.material),
    )


def reader() -> Seen:
    """What the judge sees of the largest thing of a picture, and its ground."""
    judge = judging.load()

    def seen(shown: Picture) -> Mapping[str, str]:
        (reading,) = judge.read((to_tensor(shown) + 1) / 2)
        thing = max(reading.things, key=lambda one: (one.size == "large", one.sure), default=None)
        return {"ground": reading.ground} | ({} if thing is None else {n: getattr(thing, n) for n in NOTED})

    return seen


def sentence(scene: Scene) -> str:
    """What is said of it."""
    return describe(scene).text


def by_layer(model: Model, seen: Seen, folder: Path) -> None:
    """The first table and its picture."""
    cells = list[tuple[Picture, str]]()
    shares = {band: dict.fromkeys(NOTED, 0) for band in BANDS}
    for k in range(COUNT):
        one, two = alone(k), other(alone(k))
        for band, layers in BANDS.items():
            made = layered(model, sentence(one), sentence(two), layers, k)
            found = seen(made)
            for name in NOTED:
                shares[band][name] += found.get(name) == getattr(two.things[0], name)
            if k < 4:
                cells.append((made, band if layers else f"{named(one)}; other: {named(two)}"))
    print("| layers that read the other sentence | its kind | its colour | its material |\n|---|---|---|---|")
    for band, marks in shares.items():
        print(f"| {band} | " + " | ".join(f"{marks[name] / COUNT:.2f}" for name in NOTED) + " |", flush=True)
    save_picture(sheet_of(cells, len(BANDS), CELL), folder / "layers.webp", {}, overwrite=True)


def layered(model: Model, one: str, two: str, layers: Sequence[str], seed: int) -> Picture:
    """A picture in which some layers, none or all read the second sentence."""
    if layers in ((), ALL):
        return generate(two if layers else one, model=model, seed=seed, steps=STEPS).picture
    said = {"layer_prompt": [f"{where}={two}" for where in layers], "steps": STEPS}
    return generate(one, model=model, method="p-plus", seed=seed, options=said).picture


def named(scene: Scene) -> str:
    """Its thing in three words."""
    thing = scene.things[0]
    return f"{thing.material} {thing.colour} {thing.kind}"


def views(scene: Scene, folder: Path, number: int) -> list[Path]:
    """Pictures of a thing on other grounds and at other places than it is asked for later."""
    grounds = [ground for ground in GROUNDS if ground != scene.ground][:PICTURES]
    places = list[Path]()
    for k, ground in enumerate(grounds):
        shown = replace(scene.with_thing(0, x=40.0 + 24 * k).with_surroundings(ground=ground), seed=k)
        places.append(folder / f"{number}-{k}.png")
        save_picture(picture(shown), places[-1], {}, overwrite=True)
    return places


def taught(scene: Scene, folder: Path, number: int) -> Path:
    """The word of a thing, learned once."""
    place = folder / f"{number}.safetensors"
    if not place.exists():
        shown = [str(one) for one in views(scene, folder, number)]
        options = ["--init", scene.things[0].kind, "--word", WORD, "-o", str(place)]
        subprocess.run([sys.executable, "-m", "overpaint", "learn", "p-plus", *shown, *options], check=True)
    return place


def by_word(seen: Seen, folder: Path) -> None:
    """The second table and its picture."""
    names = (*NOTED, "ground")
    marks = {way: dict.fromkeys(names, 0) for way in ("the kind alone", "learned word", "all words")}
    cells = list[tuple[Picture, str]]()
    for k in range(CONCEPTS):
        scene = alone(1000 + k)
        thing, place = scene.things[0], taught(scene, folder, k)
        teller = load("still-life", device="cpu", embeddings=[str(place)])
        told = {"the kind alone": thing.kind, "learned word": WORD, "all words": named(scene)}
        cells.append((picture(scene), named(scene)))
        for way, words in told.items():
            for draw in range(SEEDS):
                prompt = f"a colour photograph of a large {words} on {scene.ground} at noon"
                made = generate(prompt, model=teller, seed=draw, steps=STEPS).picture
                found, wanted = seen(made), {n: getattr(thing, n) for n in NOTED} | {"ground": scene.ground}
                for name in names:
                    marks[way][name] += found.get(name) == wanted[name]
                if draw == 0:
                    cells.append((made, way))
    print("| said | kind | colour | material | ground |\n|---|---|---|---|---|")
    for way, own in marks.items():
        print(
            f"| {way} | " + " | ".join(f"{own[n] / CONCEPTS / SEEDS:.2f}" for n in names) + " |", flush=True
        )
    save_picture(sheet_of(cells, len(marks) + 1, CELL), folder / "words.webp", {}, overwrite=True)


if __name__ == "__main__":
    home, *more = sys.argv[1:]
    home = Path(home)
    home.mkdir(parents=True, exist_ok=True)
    parts, eye = more or ["layers", "words"], reader()
    if "layers" in parts:
        by_layer(load("still-life", device="cpu"), eye, home)
    if "words" in parts:
        by_word(eye, home)
