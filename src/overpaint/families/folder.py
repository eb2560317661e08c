"""A model in a diffusers folder: safetensors only, no remote code, nothing outside the folder."""

from collections.abc import Generator
from contextlib import contextmanager
from importlib.util import find_spec
from inspect import signature
from pathlib import Path
from typing import Any

import torch

from overpaint.errors import OverpaintError, UsageError, short_of_memory
from overpaint.families.difference import read_difference, restored
from overpaint.families.parts import Parts, shape_of
from overpaint.families.variants import STEMS, best_form, said
from overpaint.families.vocabulary import check_words
from overpaint.files.mistaken import read_json
from overpaint.files.weightfile import TUNED, base_of, check_folder

_CONFIG = {"tokenizer": "tokenizer_config.json", "scheduler": "scheduler_config.json"}
_VOCABULARY = ("tokenizer.json", "vocab.json")
# Left to itself the library makes the type of the weights that of the whole process while it reads them.
_EXACT = {"ignore_mismatched_sizes": True, "dtype": torch.float32}
MOST_LAYERS = 200
"""The largest text encoder of SDXL has 32 layers."""
PARTS = ("unet", "vae", "text_encoder", "tokenizer", "scheduler")
SECOND = ("text_encoder_2", "tokenizer_2")


SIDES = {"ControlNetModel": "a ControlNet", "T2IAdapter": "a T2I-Adapter"}
"""Networks that speak beside a model, by their class."""


def parts_of_folder(home: Path) -> Parts:
    """Read every part of the model in a folder; of one that is kept as a difference, from the one above it.

    Raises:
        UsageError: a part is missing, is not whole, or is not to be believed.
    """
    if (home / TUNED).is_file():
        difference, parts = read_difference(home), parts_of_folder(base_of(home))
        restored(parts.unet, difference)
        return parts
    own = read_json(home / "config.json").get("_class_name") if (home / "config.json").is_file() else None
    if own in SIDES:
        raise UsageError(f"{home} is {SIDES[own]}, which is given by --control beside a model.")
    for part in PARTS:
        check_part(home, part)
    scheduler = read_json(home / "scheduler" / "scheduler_config.json")
    unet, vae = _networks(home)
    two = shape_of(unet) == "sdxl"
    for part in SECOND if two else ():
        check_part(home, part)
    tokenizers, encoders = _texts(home, two)
    index = read_json(home / "model_index.json") if (home / "model_index.json").is_file() else {}
    networks = [part for part in STEMS if two or not part.endswith("_2")]
    notes = said(home, {part: best_form(home / part) for part in networks})
    return Parts(unet, vae, tokenizers, encoders, scheduler, index, tuple(notes))


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
    if part.startswith("tokenizer"):
        if not any((folder / v).is_file() for v in _VOCABULARY):
            raise UsageError(
                f"The folder {home} lacks {part}/{_VOCABULARY[0]}; it is not a whole diffusers model."
            )
        check_words(folder)


def check_numbers(file: Path, told: dict[str, Any]) -> None:
    """Refuse what no model has and what would be built for hours, before anything is built.

    Raises:
        UsageError: a window that is no number, or an absurd number of layers.
    """
    window = told.get("model_max_length")
    if not isinstance(window, int | float | None):
        raise UsageError(f"The model_max_length {window!r} in {file} is no number; SD has 77.")
    for name, value in told.items():
        values = value if isinstance(value, list) else [value]
        if "layers" in name and any(isinstance(one, int) and one > MOST_LAYERS for one in values):
            raise UsageError(f"The {name} in {file} is beyond {MOST_LAYERS}, which no model of SD has.")


def quietly() -> dict[str, Any]:
    """Without accelerate diffusers prints a notice for every network unless it is told so."""
    return {"low_cpu_mem_usage": find_spec("accelerate") is not None}


def _networks(home: Path) -> tuple[Any, Any]:
    from diffusers.models.autoencoders.autoencoder_kl import AutoencoderKL
    from diffusers.models.unets.unet_2d_condition import UNet2DConditionModel

    return (
        _read(UNet2DConditionModel, home, "unet", _given(UNet2DConditionModel, home / "unet")),
        _read(AutoencoderKL, home, "vae", _given(AutoencoderKL, home / "vae")),
    )


def network_of(home: Path, kind: str) -> Any:
    """The denoiser alone, of a class of diffusers.

    Raises:
        UsageError: it cannot be built, or weights are missing.
    """
    import diffusers

    built = getattr(diffusers, kind)
    return _read(built, home, "unet", _given(built, home / "unet"))


def _given(kind: Any, folder: Path) -> dict[str, Any]:
    """What a network is built with beside its settings: the library's default for what they leave null."""
    told, more = read_json(folder / "config.json"), quietly()
    for name, one in signature(kind.__init__).parameters.items():
        if name in told and told[name] is None and "None" not in str(one.annotation):
            more[name] = one.default
    return more


def _texts(home: Path, two: bool) -> tuple[list[Any], list[Any]]:
    from transformers import CLIPTextConfig, CLIPTextModel, CLIPTextModelWithProjection

    parts: list[tuple[str, Any]] = [("", CLIPTextModel), ("_2", CLIPTextModelWithProjection)]
    tokenizers: list[Any] = []
    encoders: list[Any] = []
    for suffix, kind in parts[: 1 + two]:
        tokenizers.append(_tokenizer(home / f"tokenizer{suffix}"))
        folder = home / f"text_encoder{suffix}"
        told = {name: value for name, value in read_json(folder / "config.json").items() if value is not None}
        with _sound(folder / "config.json"):
            config = CLIPTextConfig.from_dict(told)
        encoders.append(_read(kind, home, folder.name, {**_EXACT, "config": config}))
    return tokenizers, encoders


def _tokenizer(folder: Path) -> Any:
    from transformers import CLIPTokenizer

    with _sound(folder):
        return CLIPTokenizer.from_pretrained(folder, local_files_only=True)


@contextmanager
def _sound(place: Path) -> Generator[None, None, None]:
    """Whatever a library says of somebody's files is one sentence that names them.

    Raises:
        UsageError: something cannot be built from them.
    """
    try:
        yield
    except OverpaintError:
        raise
    except Exception as error:
        if short_of_memory(error):
            raise
        raise UsageError(
            f"Nothing can be built from {place}: it is damaged, or belongs to another kind of model; take it "
            "from the model's maker again."
        ) from error


def _read(kind: Any, home: Path, part: str, more: dict[str, Any]) -> Any:
    """One network; unlike the loaders of its library it refuses weights that are not all there."""
    form = best_form(home / part)
    with _sound(home / part / "config.json"):
        net, info = kind.from_pretrained(
            home / part,
            local_files_only=True,
            use_safetensors=True,
            output_loading_info=True,
            variant=form,
            **more,
        )
    # Those of another size are given with both sizes by one of the libraries, by name alone by the other.
    sizes = [one if isinstance(one, str) else one[0] for one in info["mismatched_keys"]]
    lost = sorted(map(str, [*info["missing_keys"], *sizes]))
    if lost:
        raise UsageError(f"The model folder {home} lacks {len(lost)} weights of {part}, such as {lost[0]}.")
    return net
