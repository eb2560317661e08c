"""From a name or a diffusers folder to a model. Safetensors only, no remote code, nothing fetched."""

import json
from collections.abc import Generator
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import torch

from overpaint.errors import UsageError
from overpaint.families.codec import Codec
from overpaint.families.schedule import schedule_of
from overpaint.families.unet import UNetFamily
from overpaint.model import Model
from overpaint.options import USUAL_GUIDANCE, Guidance, Options

SHIPPED = {"still-life": Path(__file__).parent.parent / "stilllife" / "model"}
_CONFIG = {"tokenizer": "tokenizer_config.json", "scheduler": "scheduler_config.json"}
_VOCABULARY = ("tokenizer.json", "vocab.json")
_PARTS = ("unet", "vae", "text_encoder", "tokenizer", "scheduler")
_SECOND = ("text_encoder_2", "tokenizer_2")


def load(name: str, dtype: torch.dtype | None = None, device: str | None = None) -> Model:
    """The shipped model by its name, or a diffusers folder; see `Model.load`."""
    home = SHIPPED.get(name, Path(name).expanduser())
    if not home.is_dir():
        raise UsageError(
            f"There is no model {name!r}: give a diffusers folder or one of: {', '.join(SHIPPED)}."
        )
    where = _device(device)
    if dtype is None:
        dtype = {"cpu": torch.float32, "mps": torch.float16}.get(where.type, torch.bfloat16)
    _check(home, _PARTS)
    try:
        with _hushed(), torch.random.fork_rng(devices=[]):  # weights are drawn before they are read
            return _build(name, home, where, dtype)
    except UsageError:
        raise
    except Exception as error:  # the loaders of other people's files raise whatever they like
        first = str(error).strip().splitlines()[:1]
        raise UsageError(f"The model folder {home} cannot be loaded: {''.join(first)}") from error


@contextmanager
def _hushed() -> Generator[None, None, None]:
    """No bars and no notices while files are read: a command's error stream is for sentences."""
    from diffusers.utils import logging as diffusers
    from transformers.utils import logging as transformers

    shown = [one for one in (diffusers, transformers) if one.is_progress_bar_enabled()]
    for one in shown:
        one.disable_progress_bar()
    loud = diffusers.get_verbosity()
    diffusers.set_verbosity_error()
    try:
        yield
    finally:
        diffusers.set_verbosity(loud)
        for one in shown:
            one.enable_progress_bar()


def _device(device: str | None) -> torch.device:
    if device is None:
        fast = "cuda" if torch.cuda.is_available() else "mps" if torch.backends.mps.is_available() else "cpu"
        return torch.device(fast)
    try:
        return torch.empty(0, device=device).device
    except (RuntimeError, AssertionError, NotImplementedError) as error:
        raise UsageError(
            f"There is no device {device!r} on this machine; use cpu, or cuda or mps where it has one."
        ) from error


def _check(home: Path, parts: tuple[str, ...]) -> None:
    for part in parts:
        file = _CONFIG.get(part.removesuffix("_2"), "config.json")
        if not (home / part / file).is_file():
            raise UsageError(
                f"The model folder {home} lacks {part}/{file}; it is not a whole diffusers folder."
            )
        if file == "config.json" and not list((home / part).glob("*.safetensors")):
            raise UsageError(
                f"The model folder {home} has no {part}/*.safetensors; other weight formats are not read."
            )
        # Without its vocabulary a tokenizer loads all the same and knows no word.
        if part.startswith("tokenizer") and not any((home / part / v).is_file() for v in _VOCABULARY):
            raise UsageError(
                f"The folder {home} lacks {part}/{_VOCABULARY[0]}; it is not a whole diffusers model."
            )


def _build(name: str, home: Path, where: torch.device, dtype: torch.dtype) -> Model:
    schedule = schedule_of(_json(home / "scheduler" / "scheduler_config.json"))
    unet, vae = _networks(home)
    shape = _shape(unet, vae)
    if shape == "sdxl":
        _check(home, _SECOND)
    tokenizers, encoders = _texts(home, two=shape == "sdxl")
    _fits(unet, encoders)
    index = _json(home / "model_index.json") if (home / "model_index.json").is_file() else {}
    # Half precision breaks the autoencoder of SDXL; text is encoded once, so its digits cost nothing.
    vae = vae.to(where, torch.float32 if vae.config.force_upcast else dtype).eval().requires_grad_(False)
    codec = Codec(vae)
    family = UNetFamily(
        shape,
        schedule,
        codec,
        tokenizers,
        [e.to(where).float().eval().requires_grad_(False) for e in encoders],
        side=int(unet.config.sample_size or 64) * codec.factor,
        zero_null=bool(index.get("force_zeros_for_empty_prompt", False)),
    )
    title = name if name in SHIPPED else home.resolve().name
    return Model(
        unet.to(where, dtype),
        family,
        name=title,
        home=home,
        device=where,
        dtype=dtype,
        guidance=_habits(home).guidance,
    )


class Habits(Options):
    """What a model folder may say about itself in `overpaint.json`."""

    guidance: Guidance = USUAL_GUIDANCE


def _habits(home: Path) -> Habits:
    file = home / "overpaint.json"
    if not file.is_file():
        return Habits()
    try:
        return Habits.model_validate_json(file.read_text(encoding="utf-8"))
    except (ValueError, OSError) as error:
        raise UsageError(
            f'The file {file} cannot be understood; it may say {{"guidance": 7.5}} (0 to 30) and no more.'
        ) from error


def _json(file: Path) -> dict[str, Any]:
    return json.loads(file.read_text(encoding="utf-8"))


def _networks(home: Path) -> tuple[Any, Any]:
    from diffusers.models.autoencoders.autoencoder_kl import AutoencoderKL
    from diffusers.models.unets.unet_2d_condition import UNet2DConditionModel

    # Without accelerate diffusers prints a notice for every network unless it is told so.
    quiet = {"low_cpu_mem_usage": find_spec("accelerate") is not None}
    return _read(UNet2DConditionModel, home, "unet", quiet), _read(AutoencoderKL, home, "vae", quiet)


def _texts(home: Path, two: bool) -> tuple[list[Any], list[Any]]:
    from transformers import CLIPTextModel, CLIPTextModelWithProjection, CLIPTokenizer

    parts: list[tuple[str, Any]] = [("", CLIPTextModel), ("_2", CLIPTextModelWithProjection)]
    tokenizers: list[Any] = []
    encoders: list[Any] = []
    for suffix, kind in parts[: 1 + two]:
        tokenizers.append(CLIPTokenizer.from_pretrained(home / f"tokenizer{suffix}", local_files_only=True))
        encoders.append(_read(kind, home, f"text_encoder{suffix}", {}))
    return tokenizers, encoders


def _read(kind: Any, home: Path, part: str, more: dict[str, Any]) -> Any:
    """One network; unlike the loaders of its library it refuses weights that are not all there."""
    net, info = kind.from_pretrained(
        home / part, local_files_only=True, use_safetensors=True, output_loading_info=True, **more
    )
    lost = sorted(map(str, [*info["missing_keys"], *info["mismatched_keys"]]))
    if lost:
        raise UsageError(f"The model folder {home} lacks {len(lost)} weights of {part}, such as {lost[0]}.")
    return net


def _shape(unet: Any, vae: Any) -> str:
    if unet.config.in_channels != vae.config.latent_channels:
        raise UsageError(
            f"The network reads {unet.config.in_channels} channels and the autoencoder gives "
            f"{vae.config.latent_channels}; inpainting checkpoints are not supported yet."
        )
    kind = unet.config.addition_embed_type
    if kind not in (None, "text_time") or unet.config.class_embed_type is not None:
        raise UsageError("This network wants more than a prompt; only SD 1.x, SD 2.x and SDXL are supported.")
    return "sdxl" if kind else "sd2" if unet.config.use_linear_projection else "sd1"


def _fits(unet: Any, encoders: list[Any]) -> None:
    width = sum(int(e.config.hidden_size) for e in encoders)
    if unet.config.cross_attention_dim != width:
        raise UsageError(
            f"The network reads texts of width {unet.config.cross_attention_dim}, but the text encoders give "
            f"{width}; the folder mixes parts of different models."
        )
