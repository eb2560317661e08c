"""A model in a diffusers folder: safetensors only, no remote code, nothing outside the folder."""

import json
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import torch

from overpaint.errors import UsageError
from overpaint.families.parts import Parts, shape_of
from overpaint.files.weightfile import check_folder

_CONFIG = {"tokenizer": "tokenizer_config.json", "scheduler": "scheduler_config.json"}
_VOCABULARY = ("tokenizer.json", "vocab.json")
# Left to itself the library makes the type of the weights that of the whole process while it reads them.
_EXACT = {"ignore_mismatched_sizes": True, "dtype": torch.float32}
MOST_LAYERS = 200
"""The largest text encoder of SDXL has 32 layers."""
PARTS = ("unet", "vae", "text_encoder", "tokenizer", "scheduler")
SECOND = ("text_encoder_2", "tokenizer_2")


def parts_of_folder(home: Path) -> Parts:
    """Read every part of the model in a folder.

    Raises:
        UsageError: a part is missing, is not whole, or is not to be believed.
    """
    for part in PARTS:
        check_part(home, part)
    scheduler = read_json(home / "scheduler" / "scheduler_config.json")
    unet, vae = _networks(home)
    two = shape_of(unet) == "sdxl"
    for part in SECOND if two else ():
        check_part(home, part)
    tokenizers, encoders = _texts(home, two)
    index = read_json(home / "model_index.json") if (home / "model_index.json").is_file() else {}
    return Parts(unet, vae, tokenizers, encoders, scheduler, index)


def check_part(home: Path, part: str) -> None:
    """Refuse a folder in which a part is missing or strange, before anything is built from it."""
    folder, file = home / part, _CONFIG.get(part.removesuffix("_2"), "config.json")
    if not (folder / file).is_file():
        raise UsageError(f"The model folder {home} lacks {part}/{file}; it is not a whole diffusers folder.")
    check_numbers(folder / file, read_json(folder / file))
    if file == "config.json" and not check_folder(folder):
        raise UsageError(
            f"The model folder {home} has no {part}/*.safetensors; overpaint convert writes them from the "
            "other formats, which are not read."
        )
    # With peft installed, a text encoder is taken from wherever this file says.
    if (folder / "adapter_config.json").is_file():
        raise UsageError(
            f"The folder {folder} holds adapter_config.json, which names another model; remove it and give "
            "the adapter by --lora."
        )
    # Without its vocabulary a tokenizer loads all the same and knows no word.
    if part.startswith("tokenizer") and not any((folder / v).is_file() for v in _VOCABULARY):
        raise UsageError(
            f"The folder {home} lacks {part}/{_VOCABULARY[0]}; it is not a whole diffusers model."
        )


def read_json(file: Path) -> dict[str, Any]:
    """What a configuration says.

    Raises:
        UsageError: it cannot be read, or is no configuration.
    """
    try:
        found = json.loads(file.read_text(encoding="utf-8"))
    except OSError as error:
        raise UsageError(f"The file {file} cannot be read ({error.strerror}); see who may read it.") from None
    except (ValueError, RecursionError):
        found = None
    if not isinstance(found, dict):
        raise UsageError(f"The file {file} holds no settings in JSON; take it from the model's maker again.")
    return found


def check_numbers(file: Path, told: dict[str, Any]) -> None:
    """Refuse what no model has and what would be built for hours, before anything is built.

    Raises:
        UsageError: a window that is no number, or an absurd number of layers.
    """
    window = told.get("model_max_length", 0)
    if not isinstance(window, int | float):
        raise UsageError(f"The model_max_length {window!r} in {file} is no number; SD has 77.")
    for name, value in told.items():
        values = value if isinstance(value, list) else [value]
        if "layers" in name and any(isinstance(one, int) and one > MOST_LAYERS for one in values):
            raise UsageError(f"The {name} in {file} is beyond {MOST_LAYERS}, which no model of SD has.")


def quietly() -> dict[str, Any]:
    """Without accelerate diffusers prints a notice for every network unless it is told so."""
    return {"low_cpu_mem_usage": find_spec("accelerate") is not None}


def variant_of(folder: Path) -> str | None:
    """``fp16`` where the weights are there in that form alone."""
    names = [file.name for file in folder.glob("*.safetensors")]
    plain = [name for name in names if ".fp16" not in name and ".non_ema" not in name]
    return "fp16" if names and not plain and any(".fp16" in name for name in names) else None


def _networks(home: Path) -> tuple[Any, Any]:
    from diffusers.models.autoencoders.autoencoder_kl import AutoencoderKL
    from diffusers.models.unets.unet_2d_condition import UNet2DConditionModel

    return (
        _read(UNet2DConditionModel, home, "unet", quietly()),
        _read(AutoencoderKL, home, "vae", quietly()),
    )


def _texts(home: Path, two: bool) -> tuple[list[Any], list[Any]]:
    from transformers import CLIPTextModel, CLIPTextModelWithProjection, CLIPTokenizer

    parts: list[tuple[str, Any]] = [("", CLIPTextModel), ("_2", CLIPTextModelWithProjection)]
    tokenizers: list[Any] = []
    encoders: list[Any] = []
    for suffix, kind in parts[: 1 + two]:
        tokenizers.append(CLIPTokenizer.from_pretrained(home / f"tokenizer{suffix}", local_files_only=True))
        encoders.append(_read(kind, home, f"text_encoder{suffix}", _EXACT))
    return tokenizers, encoders


def _read(kind: Any, home: Path, part: str, more: dict[str, Any]) -> Any:
    """One network; unlike the loaders of its library it refuses weights that are not all there."""
    net, info = kind.from_pretrained(
        home / part,
        local_files_only=True,
        use_safetensors=True,
        output_loading_info=True,
        variant=variant_of(home / part),
        **more,
    )
    # Those of another size are given with both sizes by one of the libraries, by name alone by the other.
    sizes = [one if isinstance(one, str) else one[0] for one in info["mismatched_keys"]]
    lost = sorted(map(str, [*info["missing_keys"], *sizes]))
    if lost:
        raise UsageError(f"The model folder {home} lacks {len(lost)} weights of {part}, such as {lost[0]}.")
    return net
