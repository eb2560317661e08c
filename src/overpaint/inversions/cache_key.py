"""What a kept inversion is known by: everything it depends on, and what it must not depend on to be kept."""

import json
from hashlib import sha256
from typing import Any

import torch

from overpaint.attention import Moment
from overpaint.files.fingerprint import tensor_hash
from overpaint.files.store import FORMAT
from overpaint.guides import CFG
from overpaint.inversions.base import Inversion, empty, told
from overpaint.model import Model
from overpaint.noise import Draws, Noise
from overpaint.path import Latent, Path


def touched(inversion: Inversion, model: Model, path: Path, x0: Latent) -> bool:
    """Whether a control that is on would act in any call of the inversion; one that waits leaves no trace.

    One that only looks counts as well: the maps it looks at are computed in another way, in other last bits.
    """
    steps, (height, width) = len(path), x0.shape[-2:]
    return any(
        model.tap.active(Moment(step, path.steps, rows, height, width))
        for rows in inversion.calls
        for step in range(steps)
    )


def apart(inversion: Inversion, model: Model) -> int | None:
    """Rows that share a call of the inversion where that is fewer than it asks for: sums depend on it."""
    widest = max(map(len, inversion.calls))
    return None if model.at_once is None or model.at_once >= widest else model.at_once


def key(inversion: Inversion, model: Model, path: Path, x0: Latent, guide: CFG, noise: Draws) -> str:
    """A hash of everything a trajectory depends on, the arithmetic it was computed with included."""
    texts = [told(guide), empty(guide)] if inversion.guided else [told(guide)]
    parts: dict[str, Any] = {
        "format": FORMAT,
        "model": model.content,
        "arithmetic": [str(model.dtype), x0.device.type, torch.__version__, torch.get_num_threads()],
        "at once": apart(inversion, model),
        "path": [path.kind, tensor_hash(path.t, path.alpha, path.sigma)],
        "inversion": inversion.model_dump(mode="json", exclude=set(inversion.late)),
        "texts": [tensor_hash(*text.tensors) for text in texts],
        "guidance": guide.scale if inversion.guided else None,
        "picture": tensor_hash(x0),
        "seed": noise.seed if inversion.random and isinstance(noise, Noise) else None,
    }
    if inversion.looks and model.open_eye is not None:
        parts["eye"] = model.eye.fingerprint
    return sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()
