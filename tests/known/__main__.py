"""What Still Life knows: ``python -m tests.known FILE.png [--photographs FOLDER] [--edits N]`` draws it.

Two hundred drawn pictures, the sixty of `tests.known.foreign` and the photographs of a folder are looked at
as an edit would look at them; the figure shows how far each is from what the model knows. With ``--edits``
some of them are also edited with the same prompt twice, and the figure shows what is left of each. What was
measured is kept in ``runs/known.jsonl``, and not measured again. It is no test: nothing here is collected by
pytest.
"""

import argparse
import json
from collections.abc import Iterable, Sequence
from itertools import islice
from math import log
from pathlib import Path

from PIL import Image, ImageDraw, ImageFont

from overpaint import load
from overpaint.run.known import LIMIT
from tests.known.measured import (
    DRAWN,
    PHOTO,
    Measured,
    drawn,
    edits,
    looks,
    photographs,
    strangers,
)

KEPT = Path("runs/known.jsonl")
COUNT, STEPS = 200, 25
PAPER, INK, GRID, OWN, OTHER = (255, 255, 255), (48, 48, 52), (225, 225, 228), (37, 99, 175), (214, 90, 24)
LEFT, TOP, ROW, WIDTH, HEIGHT = 190, 60, 24, 620, 430
LOWEST, HIGHEST = -3.0, 10.0
INVERSIONS = ("direct", "ddim")


def own(one: Measured) -> bool:
    """Whether it is of the kind that the model knows."""
    return one.group.startswith(DRAWN)


def across(distance: float) -> float:
    """Where a distance is, in pixels."""
    share = (min(max(distance, LOWEST), HIGHEST) - LOWEST) / (HIGHEST - LOWEST)
    return LEFT + share * WIDTH


def dot(pen: ImageDraw.ImageDraw, x: float, y: float, one: Measured) -> None:
    """A picture as a dot."""
    pen.ellipse((x - 3, y - 3, x + 3, y + 3), outline=OWN if own(one) else OTHER, width=1)


def strips(found: Sequence[Measured]) -> Image.Image:
    """Each group a line of dots by distance."""
    groups = list(dict.fromkeys(one.group for one in found))
    sheet = Image.new("RGB", (LEFT + WIDTH + 30, TOP + ROW * len(groups) + 50), PAPER)
    pen, font = ImageDraw.Draw(sheet), ImageFont.load_default(13)
    pen.text((16, 14), "How far pictures are from what Still Life knows", INK, ImageFont.load_default(17))
    bottom = TOP + ROW * len(groups)
    for mark in range(int(LOWEST), int(HIGHEST) + 1):
        pen.line((across(mark), TOP - 6, across(mark), bottom), GRID)
        pen.text((across(mark), bottom + 4), str(mark), INK, font, anchor="ma")
    pen.line((across(LIMIT), TOP - 14, across(LIMIT), bottom), INK, 2)
    pen.text((LEFT + WIDTH, bottom + 24), "standard deviations of its own pictures", INK, font, anchor="ra")
    for k, group in enumerate(groups):
        y = TOP + ROW * k + ROW / 2
        several = [one for one in found if one.group == group]
        pen.text((LEFT - 12, y), f"{group} ({len(several)})", INK, font, anchor="rm")
        for n, one in enumerate(several):
            dot(pen, across(one.distance), y + (n % 5 - 2) * 2.5, one)
    return sheet


def scatter(found: Sequence[Measured], inversion: str) -> Image.Image:
    """What an edit with the same prompt twice leaves of pictures, by their distance."""
    sheet = Image.new("RGB", (LEFT + WIDTH + 30, HEIGHT), PAPER)
    pen, font = ImageDraw.Draw(sheet), ImageFont.load_default(13)
    title = f"What is left where nothing is asked: DDIM over {inversion}, {STEPS} steps, in dB"
    pen.text((16, 14), title, INK, ImageFont.load_default(17))

    def up(kept: float) -> float:
        return TOP + (40 - min(max(kept, 5), 40)) / 35 * (HEIGHT - TOP - 50)

    for mark in range(5, 41, 5):
        pen.line((LEFT, up(mark), LEFT + WIDTH, up(mark)), GRID)
        pen.text((LEFT - 12, up(mark)), str(mark), INK, font, anchor="rm")
    for mark in range(int(LOWEST), int(HIGHEST) + 1):
        pen.text((across(mark), HEIGHT - 44), str(mark), INK, font, anchor="ma")
    pen.line((across(LIMIT), TOP, across(LIMIT), HEIGHT - 50), INK, 2)
    pen.text((LEFT + WIDTH, HEIGHT - 24), "distance from what Still Life knows", INK, font, anchor="ra")
    for one in found:
        if one.kept is not None:
            dot(pen, across(one.distance), up(one.kept), one)
    return sheet


def below(sheets: Sequence[Image.Image]) -> Image.Image:
    """One below the other."""
    whole = Image.new("RGB", (max(s.width for s in sheets), sum(s.height for s in sheets)), PAPER)
    top = 0
    for sheet in sheets:
        whole.paste(sheet, (0, top))
        top += sheet.height
    return whole


def ranks(values: Sequence[float]) -> list[float]:
    """The place of every value among them; equal ones share the middle."""
    ordered = sorted(values)
    return [ordered.index(v) + (ordered.count(v) - 1) / 2 for v in values]


def correlation(one: Sequence[float], other: Sequence[float]) -> float:
    """Pearson's of two rows of values."""
    a, b = (sum(x) / len(x) for x in (one, other))
    both = sum((x - a) * (y - b) for x, y in zip(one, other, strict=True))
    norms = sum((x - a) ** 2 for x in one) * sum((y - b) ** 2 for y in other)
    return both / max(norms, 1e-30) ** 0.5


def kept() -> list[Measured]:
    """What was measured before."""
    lines = KEPT.read_text().splitlines() if KEPT.is_file() else []
    return [Measured(**json.loads(line)) for line in lines]


def keep(found: Iterable[Measured]) -> None:
    """Keep each as it comes."""
    KEPT.parent.mkdir(parents=True, exist_ok=True)
    for one in found:
        with KEPT.open("a") as file:
            file.write(json.dumps(one.row) + "\n")


def measure(folder: Path | None, count: int) -> list[Measured]:
    """Everything, what is kept aside."""
    model, there = load("still-life", device="cpu"), {(m.inversion, m.name) for m in kept()}
    photos = [] if folder is None else list(photographs(folder))
    samples = [*drawn(COUNT), *strangers(), *photos]
    keep(looks(model, (one for one in samples if (None, one.name) not in there)))
    few = [*islice(drawn(COUNT), count), *islice(strangers(5), count), *photos[::3][:count]]
    for inversion in INVERSIONS:
        missing = (one for one in few if (inversion, one.name) not in there)
        keep(edits(model, missing, inversion, STEPS))
    return kept()


def report(found: Sequence[Measured]) -> None:
    """The figures of the documentation."""
    once = [one for one in found if one.inversion is None]
    for what, right in (
        ("drawn", [o.distance <= LIMIT for o in once if own(o)]),
        ("made from numbers", [o.distance > LIMIT for o in once if not own(o) and o.group != PHOTO]),
        ("photographs", [o.distance > LIMIT for o in once if o.group == PHOTO]),
    ):
        print(f"{what}: {sum(right)} of {len(right)} told rightly")
    for inversion in INVERSIONS:
        several = [o for o in found if o.inversion == inversion and o.kept is not None]
        if len(several) < 3:
            continue
        lost = [-float(o.kept or 0) for o in several]
        for name, values in (
            ("distance", [o.distance for o in several]),
            ("strayed", [log(max(o.strayed or 0, 1e-9)) for o in several]),
            ("round trip", [-o.round_trip for o in several]),
            ("grade", [("exact", "good", "fair", "poor").index(str(o.quality)) for o in several]),
        ):
            rank = correlation(ranks(values), ranks(lost))
            line = correlation(values, lost)
            print(f"{inversion}: {name} and what is lost: rank {rank:.2f}, linear {line:.2f}")
        for grade in ("good", "fair", "poor"):
            of = sorted(float(o.kept or 0) for o in several if o.quality == grade)
            if of:
                print(f"{inversion}, {grade}: {len(of)} pictures, {of[0]:.1f} to {of[-1]:.1f} dB left")


def main() -> None:
    """Measure what is missing, draw, print."""
    asked = argparse.ArgumentParser(prog="python -m tests.known")
    asked.add_argument("file", type=Path)
    asked.add_argument("--photographs", type=Path)
    asked.add_argument("--edits", type=int, default=0)
    said = asked.parse_args()
    found = measure(said.photographs, said.edits)
    once = [one for one in found if one.inversion is None]
    edited = [[one for one in found if one.inversion == name] for name in INVERSIONS]
    plots = [scatter(several, several[0].inversion or "") for several in edited if several]
    below([strips(once), *plots]).save(said.file)
    report(found)


if __name__ == "__main__":
    main()
