"""What suits edits of Still Life, by what the prompts ask for: measured on fresh cases of its benchmark; and
the words it knows.

``python -m overpaint.stilllife.suits`` writes it into the shipped model's folder, where it is read like that
of any other model. `docs/p2p-defaults.md` says what was tried.
"""

import json
from pathlib import Path
from typing import Any

from overpaint.files import atomic
from overpaint.stilllife.templates import templates
from overpaint.stilllife.words import CAPTIONED, MEANINGS, NEAR

FILE = Path(__file__).parent / "model" / "overpaint.json"
GUIDANCE = 3.0
"""Suits networks as small as these: at the usual 7.5 the sky turns white."""
CLOSE, FREE = ({"name": "direct", "convention": kind} for kind in ("published", "diffusers"))
"""Noise that holds much of the picture suits things, noise that holds little suits light and ground."""


def options(cross: float, layout: float, apart: float, inversion: dict[str, str]) -> dict[str, Any]:
    """Options of Prompt-to-Prompt: both windows, the threshold of disagreement, the inversion."""
    return {
        "cross_replace": cross,
        "self_replace": layout,
        "blend_disagreement": apart,
        "inversion": inversion,
    }


P2P = {
    "same": options(0.4, 0.6, 0.2, CLOSE),
    "thing": options(0.4, 0.6, 0.3, CLOSE),
    "attribute": options(0.4, 0.6, 0.3, CLOSE),
    "attribute.colour": options(0.4, 0.6, 0.3, {"name": "virtual"}),
    "attribute.size": options(0.0, 0.0, 0.2, CLOSE),
    "added": options(0.2, 0.2, 0.4, CLOSE),
    "removed": options(0.8, 0.4, 0.2, CLOSE),
    "order": options(0.8, 0.4, 0.2, CLOSE),
    "surroundings": options(0.2, 0.2, 0.2, FREE),
    "style": options(0.4, 0.6, 0.2, FREE),
    "mixed": options(0.4, 0.6, 0.12, FREE),
}
MILD = {"name": "regularised", "ac": 1.25, "kl": 1.25}
ZERO: dict[str, dict[str, Any]] = {kind: {"sentences": 1, "inversion": MILD} for kind in P2P}
"""Options of pix2pix-zero, the same for all edits.

Means over sentences lose the place of a word, which counts for much in so small a text encoder; latents of
16 x 16 cells want a sixteenth of the published descents, which are for 64 x 64.
"""

LIVE: dict[str, dict[str, Any]] = {
    kind: {"learning": {"updates": 200, "views": 6, "channels": 48}} for kind in P2P
}
"""A minute or two on a processor instead of half an hour: pictures of 128 pixels have less to learn."""

SDEDIT: dict[str, Any] = {"strength": 0.5}
"""Of SDEdit: latents of 16 x 16 cells lose their layout under less noise. 0.63 of fresh cases for 0.47."""
BLENDED: dict[str, Any] = {"guidance": 3.0, "strength": 200.0}
"""Of blended diffusion: CLIP alone finds a blob of the right colour enough."""
IMAGIC: dict[str, Any] = {
    "eta": 0.9,
    "learning": {"text_updates": 300, "text_rate": 0.005, "updates": 150, "tune": "full", "rate": 1e-4},
}
"""Of Imagic: all of so small a network learns a picture in a third of the time, and the text has to move far
enough for the edit to lie between it and the target's."""

CYCLE: dict[str, Any] = {"steps": 25, "strength": 0.8, "guidance": 1.5}
"""Options of CycleNet for day and night: light goes over the whole picture, so more of the path is walked."""


def habits() -> dict[str, Any]:
    """All that the model's folder says about itself."""
    words = {word: meaning.attribute for word, meaning in MEANINGS.items()}
    return {
        "guidance": GUIDANCE,
        "edits": {
            "p2p": P2P,
            "pix2pix-zero": ZERO,
            "text2live": LIVE,
            "cyclenet": dict.fromkeys(P2P, CYCLE),
            "sdedit": dict.fromkeys(P2P, SDEDIT),
            "imagic": dict.fromkeys(P2P, IMAGIC),
            "blended-diffusion": dict.fromkeys(P2P, BLENDED),
        },
        "words": words,
        "sentences": templates(),
        "vocabulary": [word for word in CAPTIONED if word.isalpha()],
        "near": {word: list(nearest) for word, nearest in NEAR.items()},
    }


def as_text() -> str:
    """What the file must hold."""
    return json.dumps(habits(), indent=1) + "\n"


if __name__ == "__main__":
    atomic.write(FILE, as_text().encode())
