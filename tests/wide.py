"""Still Life with a network of Stable Diffusion 1.5's widths and random values: for times, not for pictures.

``python -m tests.wide FOLDER`` writes it; then ``overpaint bench cost --model FOLDER`` says how much of an
edit's time is not the network's, where a network is as wide as those that people use.
"""

import shutil
import sys
from importlib import import_module
from pathlib import Path
from typing import Any

import torch

from overpaint.run.loading import load

WIDTHS = (320, 640, 1280, 1280)
PARTS = ("image_encoder", "judge", "scheduler", "text_encoder", "text_projection", "tokenizer", "vae")
BLOCKS = {
    "down_block_types": ("CrossAttnDownBlock2D",) * 3 + ("DownBlock2D",),
    "up_block_types": ("UpBlock2D",) + ("CrossAttnUpBlock2D",) * 3,
    "block_out_channels": WIDTHS,
    "attention_head_dim": 8,
    "norm_num_groups": 32,
    "layers_per_block": 2,
}
"""As in the published configuration; the text has the width of Still Life's own."""


def write(folder: Path) -> None:
    """The other parts as they are shipped, and the wide network beside them."""
    home = load("still-life").home
    assert home is not None
    folder.mkdir(parents=True)
    for part in PARTS:
        shutil.copytree(home / part, folder / part)
    for name in ("model_index.json", "overpaint.json"):
        shutil.copy(home / name, folder / name)
    diffusers: Any = import_module("diffusers")
    config = {**diffusers.UNet2DConditionModel.load_config(home / "unet"), **BLOCKS}
    torch.manual_seed(0)  # pyright: ignore[reportUnknownMemberType]
    diffusers.UNet2DConditionModel.from_config(config).half().save_pretrained(folder / "unet")


if __name__ == "__main__":
    write(Path(sys.argv[1]))
