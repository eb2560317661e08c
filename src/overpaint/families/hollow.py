"""Models of published sizes whose tensors have a shape, a type and no values.

Everything can be run on them that does not depend on a value: what an edit would take is found so, without
weights and without an accelerator.
"""

from typing import Any, cast

import torch
from diffusers.models.autoencoders.autoencoder_kl import AutoencoderKL
from diffusers.models.transformers.prior_transformer import PriorTransformer
from diffusers.models.unets.unet_2d_condition import UNet2DConditionModel
from torch import nn
from torch._subclasses.fake_tensor import FakeTensorMode
from transformers import (
    CLIPTextConfig,
    CLIPTextModel,
    CLIPTextModelWithProjection,
    CLIPVisionConfig,
    CLIPVisionModelWithProjection,
)

from overpaint.families.clip import ClipEye
from overpaint.families.codec import Codec
from overpaint.families.fused import BUILDING
from overpaint.families.original import family_name
from overpaint.families.prior import ClipPrior
from overpaint.families.schedule import schedule_of
from overpaint.families.single import CONFIGS
from overpaint.families.unet import UNetFamily
from overpaint.families.vocabulary import CLIP, tokenizers_of
from overpaint.files.mistaken import read_json
from overpaint.model import Model

FEATURES = 768
"""Numbers of a vector of ViT-L/14."""
LARGE: dict[str, Any] = {
    "hidden_size": 1024,
    "intermediate_size": 4096,
    "num_hidden_layers": 24,
    "num_attention_heads": 16,
    "patch_size": 14,
    "projection_dim": FEATURES,
}
"""CLIP's image tower ViT-L/14, whose text tower Stable Diffusion 1 reads."""


def hollow_model(
    mode: FakeTensorMode, shape: str = "sd1", mapped: bool = False, dtype: torch.dtype = torch.bfloat16
) -> Model:
    """A model of that family with a CLIP beside it, its parts of the types that loading one gives them.

    Args:
        mode: what makes tensors without values, and must be on while the model works.
        shape: the family: sd1, sd2 or sdxl.
        mapped: whether the network reads a map of vectors of CLIP beside the latent, and has a prior.
        dtype: the network's type.
    """
    home, two, extra = CONFIGS / shape, shape == "sdxl", FEATURES if mapped else 0
    with BUILDING, mode:
        told = read_json(home / "unet" / "config.json")
        unet = built(UNet2DConditionModel, dtype, {**told, "in_channels": told["in_channels"] + extra})
        told = read_json(home / "vae" / "config.json")
        vae = built(AutoencoderKL, torch.float32 if told.get("force_upcast", True) else dtype, told)
        folders = [home / f"text_encoder{'_2' * k}" for k in range(1 + two)]
        kinds: list[Any] = [CLIPTextModel, CLIPTextModelWithProjection]
        encoders = [
            ready(kind(CLIPTextConfig(**read_json(folder / "config.json"))))
            for kind, folder in zip(kinds, folders, strict=False)
        ]
    names = [folder.parent / folder.name.replace("text_encoder", "tokenizer") for folder in folders]
    codec = Codec(vae)
    family = UNetFamily(
        family_name(shape, extra),
        schedule_of(read_json(home / "scheduler" / "scheduler_config.json")),
        codec,
        tokenizers_of(CLIP / "model.safetensors", None, names)[0],
        encoders,
        side=int(unet.config.sample_size) * codec.factor,
        zero_null=two,
        extra=extra,
    )
    model = Model(unet, family, name=f"hollow-{family.name}", dtype=dtype)
    model.open_eye = lambda: hollow_eye(mode, family.tokenizers[0], large=mapped)
    model.open_prior = lambda: hollow_prior(mode, cast(ClipEye, model.eye))
    vars(model)["fingerprint"] = model.name  # else a hash of values that are not there
    return model


def built(kind: Any, dtype: torch.dtype, told: dict[str, Any]) -> Any:
    """A network of diffusers in that type from the start: hollow ones cannot change it."""
    before = torch.get_default_dtype()
    torch.set_default_dtype(dtype)
    try:
        return ready(kind.from_config(told))
    finally:
        torch.set_default_dtype(before)


def ready(net: nn.Module) -> Any:
    """A network that is not to be trained."""
    return net.eval().requires_grad_(False)


class HollowEye(ClipEye):
    """A CLIP without values."""

    @property
    def fingerprint(self) -> str:
        """Its name, in place of a hash."""
        return "hollow"


def hollow_eye(mode: FakeTensorMode, tokenizer: Any, large: bool = False) -> ClipEye:
    """CLIP beside a model: ViT-B/32, or ViT-L/14."""
    told = read_json(CONFIGS / "sd1" / "text_encoder" / "config.json") if large else {}
    with BUILDING, mode:
        vision = ready(cast(Any, CLIPVisionModelWithProjection)(CLIPVisionConfig(**LARGE if large else {})))
        text = ready(cast(Any, CLIPTextModel)(CLIPTextConfig(**told)))
        projection = torch.zeros(vision.config.projection_dim, text.config.hidden_size)
    return HollowEye(vision, text, projection, tokenizer)


def hollow_prior(mode: FakeTensorMode, eye: ClipEye) -> ClipPrior:
    """The prior that was published for ViT-L/14, by its defaults."""
    with BUILDING, mode:
        return ClipPrior(ready(cast(Any, PriorTransformer)()), eye)
