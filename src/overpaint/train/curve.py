"""What went up and down in a training, as a picture."""

from __future__ import annotations

import math
from collections.abc import Sequence
from io import BytesIO
from pathlib import Path
from typing import NamedTuple

from PIL import Image, ImageDraw, ImageFont

from overpaint.files import atomic
from overpaint.train.assemble import read_log

SIZE = (640, 360)
MARGIN = (56, 12, 12, 28)
"""Pixels left, above, right and below of the curve."""
LOSS, HELD = (40, 90, 200), (220, 80, 30)
TICKS = 4
LETTERS = 12
"""Pixels of a letter's height."""
FEW = 40
"""Up to so many points are also shown as dots."""


class Line(NamedTuple):
    """One line of the drawing: (step, value) from left to right, its colour, and what it is called."""

    points: Sequence[tuple[float, float]]
    colour: tuple[int, int, int]
    name: str = ""


def curve(home: Path) -> Path:
    """Draw the training loss (blue) and that on pictures kept from training (orange); the file's place."""
    log = read_log(home / "log.jsonl") if (home / "log.jsonl").is_file() else []
    losses = [(float(line["step"]), float(line["loss"])) for line in log if "loss" in line]
    looks = [(float(line["step"]), line["figures"]) for line in log if "figures" in line]
    held = [(step, float(figures["held_loss"])) for step, figures in looks if "held_loss" in figures]
    buffer = BytesIO()
    drawing([Line(losses, LOSS), Line(held, HELD)]).save(buffer, "PNG")
    atomic.write(home / "curve.png", buffer.getvalue())
    return home / "curve.png"


def drawing(lines: Sequence[Line], logarithmic: bool = True) -> Image.Image:
    """All lines over the same steps; values that are no finite number, or no positive one, are left out."""
    image = Image.new("RGB", SIZE, "white")
    draw = ImageDraw.Draw(image)
    draw.font = ImageFont.load_default(LETTERS)
    shown = [line._replace(points=[p for p in line.points if _drawable(p[1], logarithmic)]) for line in lines]
    every = [point for line in shown for point in line.points]
    if not every:
        draw.text((MARGIN[0], SIZE[1] // 2), "no step was taken", fill="black")
        return image
    scale = math.log10 if logarithmic else float
    last = max(step for step, _ in every)
    low, high = (scale(pick(value for _, value in every)) for pick in (min, max))
    high = high if high > low else low + 1
    left, top, right, bottom = MARGIN

    def at(step: float, height: float) -> tuple[float, float]:
        x = left + (SIZE[0] - left - right) * step / last
        return x, top + (SIZE[1] - top - bottom) * (high - height) / (high - low)

    for k in range(TICKS + 1):
        height = low + (high - low) * k / TICKS
        x, y = at(last * k / TICKS, height)
        draw.line([(left, y), (SIZE[0] - right, y)], fill=(225, 225, 225))
        draw.text((4, y - 6), f"{10**height if logarithmic else height:.3g}", fill="black")
        draw.text((min(x, SIZE[0] - 48), SIZE[1] - bottom + 8), f"{last * k / TICKS:.0f}", fill="black")
    for line in shown:
        places = [at(step, scale(value)) for step, value in line.points]
        draw.line(places, fill=line.colour, width=2)
        for x, y in places if len(places) < FEW else []:
            draw.ellipse([x - 2, y - 2, x + 2, y + 2], fill=line.colour)
    for row, line in enumerate(line for line in shown if line.name):
        # Losses fall and shares rise: the names stand where neither is.
        y = top + 18 * row if logarithmic else SIZE[1] - bottom - 18 * (row + 2)
        draw.text((SIZE[0] // 2, y), line.name, fill=line.colour)
    return image


def _drawable(value: float, logarithmic: bool) -> bool:
    return math.isfinite(value) and (value > 0 or not logarithmic)
