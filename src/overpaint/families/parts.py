"""The parts of a model on their way from disk: networks, tokenizers, the noise schedule."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from math import inf
from typing import Any

from overpaint.errors import UsageError
from overpaint.families.original import MASKED


@dataclass(frozen=True)
class Parts:
    """Everything a model of these families is made of, read and not yet put together."""

    unet: Any
    vae: Any
    tokenizers: list[Any]
    encoders: list[Any]
    scheduler: Mapping[str, Any]
    """The configuration of the scheduler; only what it says about the training counts."""
    index: Mapping[str, Any] = field(default_factory=dict[str, Any])
    """What ``model_index.json`` says."""
    notes: tuple[str, ...] = ()
    """What should be known of how they were read, a sentence each."""


def shape_of(unet: Any) -> str:
    """``sd1``, ``sd2`` or ``sdxl``, by the network's configuration.

    Raises:
        UsageError: the network wants something that none of them does.
    """
    kind = unet.config.addition_embed_type
    if kind not in (None, "text_time") or unet.config.class_embed_type is not None:
        raise UsageError("This network wants more than a prompt; only SD 1.x, SD 2.x and SDXL are supported.")
    return "sdxl" if kind else "sd2" if unet.config.use_linear_projection else "sd1"


def extra_of(unet: Any, vae: Any, features: int = 0) -> int:
    """Channels the network reads beside the latent: none, those of an inpainting network, or of a map.

    A map has as many as a vector of the CLIP beside the network has ``features``.

    Raises:
        UsageError: any other number.
    """
    extra = int(unet.config.in_channels) - int(vae.config.latent_channels)
    if extra not in (0, MASKED, features):
        raise UsageError(
            f"The network reads {unet.config.in_channels} channels and the autoencoder gives "
            f"{vae.config.latent_channels}; only inpainting networks may read more, and then {MASKED} more."
        )
    return extra


def check_scale(vae: Any) -> None:
    """Refuse an autoencoder whose latents would be scaled to nothing, or to no numbers."""
    scale = vae.config.scaling_factor
    if not (isinstance(scale, int | float) and 0 < scale < inf):
        raise UsageError(
            f"The scaling_factor {scale!r} of the autoencoder is no scale of latents; SD 1 has 0.18215."
        )


def check_widths(unet: Any, encoders: list[Any]) -> None:
    """Refuse a network and text encoders that were not made for each other."""
    width = sum(int(e.config.hidden_size) for e in encoders)
    if unet.config.cross_attention_dim != width:
        raise UsageError(
            f"The network reads texts of width {unet.config.cross_attention_dim}, but the text encoders give "
            f"{width}; the folder mixes parts of different models."
        )
