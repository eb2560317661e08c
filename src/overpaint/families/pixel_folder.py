"""Networks on pixels in diffusers folders: an unconditional ``UNet2DModel`` and its schedule (DDPM)."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch

from overpaint.errors import UsageError
from overpaint.families.folder import check_part, network_of
from overpaint.families.pixel import PixelFamily
from overpaint.families.schedule import schedule_of
from overpaint.files.mistaken import read_json
from overpaint.files.provenance import PREDICTION_TYPES, Origin
from overpaint.model import Model

CLASS = "UNet2DModel"
PARTS = ("unet", "scheduler")
COLOURS = 3


def on_pixels(home: Path) -> bool:
    """Whether a folder holds such a network."""
    config = home / "unet" / "config.json"
    return config.is_file() and read_json(config).get("_class_name") == CLASS


def pixel_model(home: Path, where: torch.device, dtype: torch.dtype, origin: Origin) -> Model:
    """The model in such a folder.

    Raises:
        UsageError: a part is missing, or the network wants something else than a picture in colours.
    """
    for part in PARTS:
        check_part(home, part)
    if origin.tokenizer is not None or origin.loras:
        raise UsageError(
            f"The model {home} works on pixels and reads no texts, so it takes no LoRA and no tokenizer."
        )
    side = check_network(home, read_json(home / "unet" / "config.json"))
    net, told = network_of(home, CLASS), dict(read_json(home / "scheduler" / "scheduler_config.json"))
    if origin.prediction is not None:
        told["prediction_type"] = PREDICTION_TYPES[origin.prediction]
    family = PixelFamily(schedule_of(told), side)
    return Model(
        net.to(where, dtype),
        family,
        name=home.resolve().name,
        home=home,
        device=where,
        dtype=dtype,
        origin=origin,
    )


def check_network(home: Path, told: Mapping[str, Any]) -> int:
    """The side of the pictures a network was trained on, if it is one for pictures in colours.

    Raises:
        UsageError: it wants something else beside them, or does not say their size.
    """
    if told.get("class_embed_type") is not None or told.get("num_class_embeds") is not None:
        raise UsageError(f"The network in {home} wants a class beside the picture; only those without work.")
    side, inputs, outputs = (told.get(name) for name in ("sample_size", "in_channels", "out_channels"))
    side = min(side) if isinstance(side, list) else side
    if inputs != COLOURS or outputs not in (COLOURS, 2 * COLOURS) or not isinstance(side, int):
        raise UsageError(
            f"The network in {home} reads {inputs} channels at the size {side!r}; those that edit pictures "
            "read 3 and say their size."
        )
    return side
