"""Edits with side networks beside plain ones and true answers: ``python -m tests.side_gallery FILE.png``.

Eight rows: recoloured by map, moved, relabelled, added by map, edges kept in a new style, depth kept for a
new kind, day to night, and back. Columns: source, plain, controlled, true answer. The first seed of each is
shown, whatever it looks like. It is no test: nothing here is collected by pytest.
"""

import sys
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from overpaint import edit, load, regions
from overpaint.images import Picture, from_tensor, save_picture, to_pil
from overpaint.images.picture import from_pil
from overpaint.images.sheets import sheet
from overpaint.model import Model
from overpaint.run.regions import Regions
from overpaint.stilllife.captions import describe
from overpaint.stilllife.render import render
from overpaint.stilllife.scene import Scene, Thing
from overpaint.stilllife.silhouettes import inside, reshaped

BALL = Thing("ball", "red", "matte", "large", x=30.0, row=106.0)
CUBE = Thing("cube", "blue", "matte", "small", x=78.0, row=102.0)
DAY = Scene((BALL, CUBE), "grass", "day", "photograph", seed=3)
LINES = {
    "recolour": "another colour, by map",
    "move": "moved, by map",
    "relabel": "another kind, by map",
    "add": "one more, by map",
    "edges": "edges kept, another style",
    "depth": "depth kept, another kind",
    "there": "day to night",
    "back": "and back to day",
}
MAPPED: dict[str, Any] = {"method": "inpaint"}


def drawn(scene: Scene) -> Picture:
    """The scene."""
    return from_tensor(render([scene]) * 2 - 1)


@dataclass(frozen=True)
class Row:
    """A row of the sheet."""

    name: str
    source: Picture
    plain: Picture
    led: Picture
    true: Picture


def rows(model: Model) -> Iterator[Row]:
    """All eight."""
    source = drawn(DAY)
    own = regions(source, model=model)
    said = describe(DAY).text

    def asked(wanted: Scene, **more: Any) -> Picture:
        told: dict[str, Any] = {"source": said, "target": describe(wanted).text, "model": model, **more}
        return edit(source, **told).picture

    def by_map(name: str, wanted: Scene, after: Regions, mask: Picture | None = None) -> Row:
        changed = own.apart(after) if mask is None else mask
        led = asked(wanted, **MAPPED, map=after.picture, mask=mask)
        return Row(name, source, asked(wanted, **MAPPED, mask=changed), led, drawn(wanted))

    green = DAY.with_thing(0, colour="green")
    yield by_map("recolour", green, own, white(own.where("ball")))
    moved = replace(DAY, things=(BALL, replace(CUBE, x=109.0)))
    yield by_map("move", moved, own.moved("cube", 31, 0))
    cone = DAY.with_thing(0, kind="cone")
    yield by_map("relabel", cone, own.renamed("ball", "cone", reshaped("ball", "cone", own.where("ball"))))
    alone = replace(DAY, things=(BALL,))
    source_alone, own_alone = drawn(alone), regions(drawn(alone), model=model)
    after = own_alone.painted("cube", inside("cube", (62.0, 69.0, 33.0, 34.0), own_alone.places.shape))
    told: dict[str, Any] = {"source": describe(alone).text, "target": said, "model": model, **MAPPED}
    plain = edit(source_alone, **told, mask=own_alone.apart(after)).picture
    yield Row("add", source_alone, plain, edit(source_alone, **told, map=after.picture).picture, source)
    pencil = DAY.with_surroundings(style="pencil")
    how: dict[str, Any] = {"method": "sdedit", "strength": 0.8}
    yield Row("edges", source, asked(pencil, **how), asked(pencil, **how, control="canny"), drawn(pencil))
    house = DAY.with_thing(0, kind="snowman")
    yield Row("depth", source, asked(house, **how), asked(house, **how, control="depth"), drawn(house))
    night = DAY.with_surroundings(time="night")
    there = asked(night, method="cyclenet")
    plain = asked(night, method="sdedit", strength=0.5)
    yield Row("there", source, plain, there, drawn(night))
    ways: dict[str, Any] = {"source": describe(night).text, "target": said, "model": model}
    back = edit(there, **ways, method="cyclenet").picture
    yield Row("back", there, edit(plain, **ways, method="sdedit", strength=0.5).picture, back, source)


def white(where: np.ndarray[Any, np.dtype[np.bool_]]) -> Picture:
    """A region as a mask."""
    return Picture(np.repeat(where[..., None].astype(np.uint8) * 255, 3, 2))


def main(place: Path) -> None:
    """Draw the sheet."""
    model = load("still-life", dtype="float32", device="cpu")
    cells, captions = list[Any](), list[str]()
    for row in rows(model):
        cells += [to_pil(one).resize((192, 192)) for one in (row.source, row.plain, row.led, row.true)]
        captions += [LINES[row.name], "plain", "with a side network", "true answer"]
    save_picture(from_pil(sheet(cells, captions, 4)), place, overwrite=True)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
