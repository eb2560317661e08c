"""Loading: from a name or a diffusers folder to a model. Safetensors only, no remote code, nothing fetched."""

# pyright: reportMissingTypeStubs=false, reportUnknownMemberType=false, reportUnknownVariableType=false
# pyright: reportUnknownArgumentType=false

import json
from pathlib import Path
from typing import Any, cast

import torch

from overpaint.errors import OverpaintError, UsageError
from overpaint.families.codec import Codec
from overpaint.families.schedule import schedule_of
from overpaint.families.unet import UNetFamily
from overpaint.model import Model

SHIPPED = {"still-life": Path(__file__).parent.parent / "stilllife" / "model"}
_NEEDED = {
    "unet": ("config.json",),
    "vae": ("config.json",),
    "text_encoder": ("config.json",),
    "tokenizer": ("tokenizer_config.json",),
    "scheduler": ("scheduler_config.json",),
}


def load(name: str, dtype: torch.dtype | None = None, device: str | None = None) -> Model:
    """The shipped model by its name, or a diffusers folder; see `Model.load`."""
    home = SHIPPED.get(name, Path(name).expanduser())
    where = _device(device)
    if dtype is None:
        dtype = torch.float32 if where.type == "cpu" else torch.float16 if where.type == "mps" else torch.bfloat16
    _check(name, home)
    parts = _parts(home, dtype)
    unet = parts["unet"].to(where, dtype)
    family = UNetFamily(
        name=_family(unet, parts),
        schedule=schedule_of(parts["scheduler"]),
        codec=Codec(parts["vae"].to(where)),
        tokenizers=parts["tokenizers"],
        encoders=[e.to(where) for e in parts["encoders"]],
        side=int(unet.config.sample_size) * 2 ** (len(parts["vae"].config.block_out_channels) - 1),
        zero_null=bool(parts["index"].get("force_zeros_for_empty_prompt", False)),
    )
    return Model(unet, family, name=name if name in SHIPPED else home.name, home=home, device=where, dtype=dtype)


def _device(device: str | None) -> torch.device:
    if device is not None:
        try:
            return torch.device(device)
        except RuntimeError as error:
            raise UsageError(f"There is no device {device!r}; use cpu, cuda, cuda:1 or mps.") from error
    if torch.cuda.is_available():
        return torch.device("cuda")
    return torch.device("mps" if torch.backends.mps.is_available() else "cpu")


def _check(name: str, home: Path) -> None:
    if not home.is_dir():
        known = ", ".join(SHIPPED)
        raise UsageError(f"There is no model {name!r}: give a diffusers folder or one of: {known}.")
    for part, files in _NEEDED.items():
        for file in files:
            if not (home / part / file).is_file():
                raise UsageError(f"The model folder {home} lacks {part}/{file}; it is not a whole diffusers folder.")
    for part in ("unet", "vae", "text_encoder"):
        if not list((home / part).glob("*.safetensors")):
            raise UsageError(f"The model folder {home} has no {part}/*.safetensors; other weight formats are not read.")


def _parts(home: Path, dtype: torch.dtype) -> dict[str, Any]:
    from diffusers import AutoencoderKL, UNet2DConditionModel
    from transformers import CLIPTextModel, CLIPTextModelWithProjection, CLIPTokenizer

    local: dict[str, Any] = {"local_files_only": True, "use_safetensors": True}
    index = json.loads((home / "model_index.json").read_text()) if (home / "model_index.json").is_file() else {}
    try:
        unet = UNet2DConditionModel.from_pretrained(home, subfolder="unet", **local)
        vae = AutoencoderKL.from_pretrained(home, subfolder="vae", **local)
        tokenizers = [CLIPTokenizer.from_pretrained(home / "tokenizer")]
        encoders: list[Any] = [CLIPTextModel.from_pretrained(home / "text_encoder", **local)]
        if (home / "text_encoder_2").is_dir():
            tokenizers.append(CLIPTokenizer.from_pretrained(home / "tokenizer_2"))
            encoders.append(CLIPTextModelWithProjection.from_pretrained(home / "text_encoder_2", **local))
    except (OSError, ValueError, RuntimeError) as error:
        first = str(error).splitlines()[0]
        raise UsageError(f"The model folder {home} cannot be loaded: {first}") from error
    # Half precision breaks the autoencoder of SDXL, and costs the others digits for nothing.
    halves = {"vae": torch.float32 if vae.config.force_upcast else dtype}
    scheduler = json.loads((home / "scheduler" / "scheduler_config.json").read_text())
    return {
        "unet": unet,
        "vae": vae.to(halves["vae"]).eval().requires_grad_(False),
        "tokenizers": tokenizers,
        "encoders": [e.float().eval().requires_grad_(False) for e in encoders],
        "scheduler": cast(dict[str, Any], scheduler),
        "index": index,
    }


def _family(unet: Any, parts: dict[str, Any]) -> str:
    if unet.config.addition_embed_type == "text_time":
        if len(parts["encoders"]) != 2:
            raise UsageError("This is an SDXL network, but its folder lacks text_encoder_2 and tokenizer_2.")
        return "sdxl"
    if unet.config.in_channels != parts["vae"].config.latent_channels:
        raise OverpaintError(
            f"The network reads {unet.config.in_channels} channels and the autoencoder gives "
            f"{parts['vae'].config.latent_channels}; inpainting checkpoints are not supported yet."
        )
    return "sd2" if unet.config.use_linear_projection else "sd1"
