"""What tests of the command line share: a tiny diffusers folder, a runner, small pictures."""

import json
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from click.testing import CliRunner
from PIL import Image

from overpaint.cli.app import app
from overpaint.families.tiny import Shape, fill, tiny
from overpaint.stilllife.tokenizer import FOLDER, MAX_LENGTH, VOCABULARY_SIZE

SOURCE, TARGET = "a photo of a cat", "a photo of a dog"
SCHEDULER = {
    "_class_name": "DDIMScheduler",
    "beta_start": 0.00085,
    "beta_end": 0.012,
    "beta_schedule": "scaled_linear",
    "clip_sample": False,
    "set_alpha_to_one": False,
    "steps_offset": 1,
    "num_train_timesteps": 1000,
    "prediction_type": "epsilon",
}


def save_folder(folder: Path, shape: Shape = "sd1") -> Path:
    """A tiny model of a Stable Diffusion 1 as a diffusers folder."""
    model = tiny(shape)
    family: Any = model.family
    net: Any = model.net
    net.save_pretrained(folder / "unet")
    family.codec.vae.save_pretrained(folder / "vae")
    family.encoders[0].save_pretrained(folder / "text_encoder")
    family.tokenizers[0].save_pretrained(folder / "tokenizer")
    (folder / "scheduler").mkdir()
    (folder / "scheduler" / "scheduler_config.json").write_text(json.dumps(SCHEDULER))
    return folder


def save_still_life(folder: Path) -> Path:
    """The same with the words of Still Life, so that its captions can be read."""
    save_folder(folder)
    family: Any = tiny().family
    old = family.encoders[0]
    sizes = {"vocab_size": VOCABULARY_SIZE, "max_position_embeddings": MAX_LENGTH}
    marks = {"eos_token_id": VOCABULARY_SIZE - 1, "bos_token_id": VOCABULARY_SIZE - 2}
    config = old.config.from_dict({**old.config.to_dict(), **sizes, **marks})
    encoder: Any = fill(type(old)(config), 0.5)
    for part in ("tokenizer", "text_encoder"):
        shutil.rmtree(folder / part)
    encoder.save_pretrained(folder / "text_encoder")
    shutil.copytree(FOLDER, folder / "tokenizer")
    return folder


def save_picture(path: Path, height: int = 32, width: int = 32) -> Path:
    """A smooth picture as a PNG file."""
    y, x = np.mgrid[0:height, 0:width] / np.array([[[height]], [[width]]])
    pixels = np.stack([x, y, 0.5 + 0.5 * np.sin(6 * x * y)], -1)
    Image.fromarray((pixels * 255).astype(np.uint8)).save(path)
    return path


@dataclass(frozen=True)
class Said:
    """What a command said and how it ended."""

    code: int
    out: str
    err: str

    @property
    def figures(self) -> dict[str, Any]:
        """What it printed for programs."""
        return json.loads(self.out)


def overpaint(*args: str | Path) -> Said:
    """Run a command in this process."""
    result = CliRunner().invoke(app, [str(arg) for arg in args])
    return Said(result.exit_code, result.stdout, result.stderr)
