"""A whole checkpoint in one safetensors file, in the layout Stable Diffusion was first published in.

The configurations are ours (`configs/`), the renaming of the weights is the one of diffusers; what comes out
is held against the network: no weight may be missing, and none of the denoiser's may be left over.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

import torch
from torch import Tensor, nn

from overpaint.errors import UsageError
from overpaint.families.original import CODECS, NETWORK, TEXTS, TITLES, Layout, layout_of
from overpaint.families.parts import Parts
from overpaint.families.vocabulary import tokenizers_of
from overpaint.files.mistaken import read_json
from overpaint.files.provenance import PREDICTION_TYPES, Predicts
from overpaint.files.weightfile import read_header

CONFIGS = Path(__file__).parent / "configs"
BASE_SIDE = 64
"""Latent side of SD 2 base, which predicts epsilon; the configuration is that of the larger v model."""
_EIGHT_BITS = (torch.float8_e4m3fn, torch.float8_e5m2)


@dataclass(frozen=True)
class Single:
    """A checkpoint of one file: what it is, and the configurations it is read with."""

    file: Path
    layout: Layout

    @staticmethod
    def of(file: Path) -> "Single":
        """Look at a file without reading its weights.

        Raises:
            UsageError: it is no safetensors file, or no checkpoint of these families.
        """
        return Single(file, layout_of(read_header(file), file))

    @property
    def configs(self) -> Path:
        """The folder of the family's configurations."""
        return CONFIGS / self.layout.shape

    @property
    def title(self) -> str:
        """What people call the family."""
        return TITLES[self.layout.shape]

    def config(self, part: str) -> dict[str, Any]:
        """The configuration of a part."""
        return read_json(self.configs / part / "config.json")


def parts_of_file(file: Path, said: Predicts | None, tokenizer: str | None) -> tuple[Parts, Path]:
    """Read every part of a checkpoint, and say where its tokenizer was found.

    Raises:
        UsageError: the file is not whole, or something it cannot tell has to be said.
    """
    one = Single.of(file)
    prediction = said or one.layout.prediction
    if prediction is None:
        raise UsageError(
            f"{file} is an SD 2.x checkpoint, which does not say what it predicts: models for 768 pixels "
            "predict v, those for 512 epsilon; write --prediction v or --prediction epsilon, or let "
            "overpaint models check find out."
        )
    folders = [one.configs / f"tokenizer{'_2' * k}" for k in range(len(TEXTS[one.layout.shape]))]
    tokenizers, home = tokenizers_of(file, tokenizer, folders)
    weights = _weights(one)
    parts = Parts(
        _unet(one, weights, prediction),
        _vae(one, weights),
        tokenizers,
        [_text(one, weights, k) for k in range(len(folders))],
        _scheduler(one, prediction),
        read_json(one.configs / "model_index.json"),
    )
    return parts, home


def _weights(one: Single) -> dict[str, Tensor]:
    """The tensors of the parts; averaged copies, discriminators and the like stay on disk."""
    from safetensors import safe_open

    wanted = (NETWORK, *CODECS, *TEXTS[one.layout.shape])
    with cast(Any, safe_open)(str(one.file), framework="pt") as file:
        names = [name for name in file.keys() if name.startswith(wanted)]
        scaled = [name for name in names if name.endswith((".scale_weight", ".weight_scale", "scaled_fp8"))]
        if scaled:
            raise UsageError(
                f"{one.file} stores its weights as eight bits with scales ({scaled[0]}), which is not read; "
                "get it in half precision."
            )
        return {name: _wide(file.get_tensor(name)) for name in names}


def _wide(value: Tensor) -> Tensor:
    """Half precision for eight-bit numbers, which holds each of them exactly."""
    return value.half() if value.dtype in _EIGHT_BITS else value


def _scheduler(one: Single, prediction: Predicts) -> dict[str, Any]:
    told = read_json(one.configs / "scheduler" / "scheduler_config.json")
    told["prediction_type"] = PREDICTION_TYPES[prediction]
    if one.layout.zero_snr:
        told |= {"rescale_betas_zero_snr": True, "timestep_spacing": "trailing"}
    return told


def _unet(one: Single, weights: Mapping[str, Tensor], prediction: Predicts) -> Any:
    from diffusers.loaders.single_file_utils import convert_ldm_unet_checkpoint
    from diffusers.models.unets.unet_2d_condition import UNet2DConditionModel

    config = one.config("unet")
    config["in_channels"] += one.layout.extra
    if one.layout.shape == "sd2" and prediction == "epsilon":
        config["sample_size"] = min(config["sample_size"], BASE_SIDE)
    own = {name: value for name, value in weights.items() if name.startswith(NETWORK)}
    with torch.device("meta"):
        net = cast(Any, UNet2DConditionModel).from_config(config)
    try:
        found = convert_ldm_unet_checkpoint(own, dict(net.config))
    except (KeyError, IndexError, AttributeError):
        raise UsageError(
            f"The network in {one.file} is built unlike {one.title}; it cannot be read."
        ) from None
    spare = sorted(set(found) - set(net.state_dict()))
    if spare or len(found) < len(own):
        raise UsageError(
            f"{one.file} holds weights that {one.title} has no place for"
            f"{f', such as {spare[0]}' if spare else ''}; it is another kind of network."
        )
    return _filled(one, net, found)


def _vae(one: Single, weights: Mapping[str, Tensor]) -> Any:
    from diffusers.loaders.single_file_utils import convert_ldm_vae_checkpoint
    from diffusers.models.autoencoders.autoencoder_kl import AutoencoderKL

    own = {name: value for name, value in weights.items() if name.startswith(CODECS)}
    with torch.device("meta"):
        net = cast(Any, AutoencoderKL).from_config(one.config("vae"))
    try:
        return _filled(one, net, convert_ldm_vae_checkpoint(own, dict(net.config)))
    except (KeyError, IndexError, AttributeError):
        raise UsageError(f"The autoencoder in {one.file} is built unlike {one.title}'s.") from None


def _text(one: Single, weights: Mapping[str, Tensor], k: int) -> Any:
    from diffusers.loaders.single_file_utils import convert_open_clip_checkpoint
    from transformers import CLIPTextConfig, CLIPTextModel, CLIPTextModelWithProjection

    config: Any = CLIPTextConfig(
        **json.loads((one.configs / f"text_encoder{'_2' * k}" / "config.json").read_text())
    )
    with torch.device("meta"):
        net: Any = (CLIPTextModelWithProjection if k else CLIPTextModel)(config)
    start = TEXTS[one.layout.shape][k]
    own = {name: value for name, value in weights.items() if name.startswith(start)}
    if start.endswith("transformer."):
        found = {name.removeprefix(start): value for name, value in own.items()}
        # Some trainers leave out the first step of the path.
        found = {f"text_model.{name.removeprefix('text_model.')}": value for name, value in found.items()}
    else:
        found = convert_open_clip_checkpoint(net, own, prefix=start)
    if not hasattr(net, "text_model"):
        found = {name.removeprefix("text_model."): value for name, value in found.items()}
    filled = _filled(one, net, found)
    for module in filled.modules():
        if "position_ids" in module._buffers:  # not stored with the weights, so still without values
            module.position_ids = torch.arange(config.max_position_embeddings)[None]
    return filled


def _filled(one: Single, net: nn.Module, found: Mapping[str, Tensor]) -> Any:
    """The network with its weights, copied out of the file."""
    wanted = net.state_dict()
    lost = sorted(set(wanted) - set(found))
    if lost:
        raise UsageError(f"{one.file} lacks {len(lost)} weights of {one.title}, such as {lost[0]}.")
    for name, value in wanted.items():
        if found[name].shape != value.shape:
            raise UsageError(
                f"{one.file} is no {one.title} of the usual size: {name} has the shape "
                f"{tuple(found[name].shape)} instead of {tuple(value.shape)}."
            )
    own = {name: found[name].to(_kept(found[name]), copy=True).contiguous() for name in wanted}
    net.load_state_dict(own, assign=True)
    return net


def _kept(value: Tensor) -> torch.dtype:
    return value.dtype if value.is_floating_point() else torch.float32
