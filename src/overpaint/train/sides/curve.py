"""The loss curve of a run as a picture, from its log."""

from __future__ import annotations

import math
from collections.abc import Sequence
from io import BytesIO
from pathlib import Path

from PIL import Image, ImageDraw

from overpaint.files import atomic
from overpaint.train.assemble import read_log

SIZE = (640, 360)
MARGIN = (56, 12, 12, 28)
"""Pixels left, above, right and below of the curve."""
LOSS, HELD = (40, 90, 200), (220, 80, 30)
TICKS = 4
Points = Sequence[tuple[float, float]]


def curve(home: Path) -> Path:
    """Draw the training loss (blue) and that on pictures kept from training (orange); the file's place."""
    log = read_log(home / "log.jsonl") if (home / "log.jsonl").is_file() else []
    losses = [(float(line["step"]), float(line["loss"])) for line in log if "loss" in line]
    looks = [(float(line["step"]), line["figures"]) for line in log if "figures" in line]
    held = [(step, float(figures["held_loss"])) for step, figures in looks if "held_loss" in figures]
    buffer = BytesIO()
    drawing(losses, held).save(buffer, "PNG")
    atomic.write(home / "curve.png", buffer.getvalue())
    return home / "curve.png"


def drawing(losses: Points, held: Points) -> Image.Image:
    """Both as lines over the steps; the loss on a logarithmic axis."""
    image = Image.new("RGB", SIZE, "white")
    draw = ImageDraw.Draw(image)
    every = [point for point in (*losses, *held) if point[1] > 0 and math.isfinite(point[1])]
    if not every:
        draw.text((MARGIN[0], SIZE[1] // 2), "no step was taken", fill="black")
        return image
    last = max(step for step, _ in every)
    low, high = (math.log10(pick(loss for _, loss in every)) for pick in (min, max))
    high = high if high > low else low + 1
    left, top, right, bottom = MARGIN

    def at(step: float, loss: float) -> tuple[float, float]:
        x = left + (SIZE[0] - left - right) * step / last
        return x, top + (SIZE[1] - top - bottom) * (high - math.log10(loss)) / (high - low)

    for k in range(TICKS + 1):
        loss = 10 ** (low + (high - low) * k / TICKS)
        y = at(0.0, loss)[1]
        draw.line([(left, y), (SIZE[0] - right, y)], fill=(225, 225, 225))
        draw.text((4, y - 6), f"{loss:.3g}", fill="black")
        x = at(last * k / TICKS, loss)[0]
        draw.text((min(x, SIZE[0] - 48), SIZE[1] - bottom + 8), f"{last * k / TICKS:.0f}", fill="black")
    for points, colour in ((losses, LOSS), (held, HELD)):
        places = [at(*point) for point in points if point in every]
        draw.line(places, fill=colour, width=2)
        for x, y in places if len(places) < 12 else []:
            draw.ellipse([x - 2, y - 2, x + 2, y + 2], fill=colour)
    return image
