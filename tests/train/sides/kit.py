"""A small data set for trainers of side networks, and small plans."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

SMALL: Mapping[str, Any] = {
    "steps": 4,
    "batch": 4,
    "rate": 1e-3,
    "held": 2,
    "ema": 0.9,
}
PROMPTS = ("a cat on the grass", "a red dog", "a house in snow at night")


def data(home: Path, count: int = 6, cycle: bool = False, side: int = 32) -> Path:
    """Pictures of noise, each with a condition and a sentence, or with two sentences."""
    rng = np.random.default_rng(0)
    for name in ("images", "conditions"):
        (home / name).mkdir(parents=True, exist_ok=True)
        for k in range(count):
            pixels = rng.integers(0, 256, (side, side, 3), dtype=np.uint8)
            Image.fromarray(pixels).save(home / name / f"{k}.png")
    told = [
        {"image": f"{k}.png", "source": PROMPTS[k % 3], "target": PROMPTS[(k + 1) % 3]}
        if cycle
        else {"image": f"{k}.png", "text": PROMPTS[k % 3]}
        for k in range(count)
    ]
    (home / "captions.jsonl").write_text("".join(json.dumps(one) + "\n" for one in told))
    return home
