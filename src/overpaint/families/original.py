"""What a checkpoint in one file is, told from the names and shapes of its tensors alone."""

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from overpaint.errors import UsageError
from overpaint.files.provenance import Predicts
from overpaint.files.weightfile import Header

Shape = Literal["sd1", "sd2", "sdxl"]
TITLES = {"sd1": "SD 1.x", "sd2": "SD 2.x", "sdxl": "SDXL"}
NETWORK, CODEC = "model.diffusion_model.", "first_stage_model."
CODECS = (CODEC, "vae.")
# The two text towers of the field, in the places the three families keep them.
TEXTS: dict[Shape, tuple[str, ...]] = {
    "sd1": ("cond_stage_model.transformer.",),
    "sd2": ("cond_stage_model.model.",),
    "sdxl": ("conditioner.embedders.0.transformer.", "conditioner.embedders.1.model."),
}
MASKED = 5
"""Extra channels of an inpainting network: the mask and the latent of the masked picture."""
_OTHERS = {
    "model.diffusion_model.joint_blocks.": "a Stable Diffusion 3 network",
    "joint_blocks.": "a Stable Diffusion 3 network",
    "model.diffusion_model.double_blocks.": "a Flux network",
    "double_blocks.": "a Flux network",
    "control_model.": "a ControlNet, which is given by --control beside a model",
    "controlnet_": "a ControlNet, which is given by --control beside a model",
    "input_hint_block.": "a ControlNet, which is given by --control beside a model",
    "style_embedding": "a style adapter, which is given by --control beside a model",
    "adapter.style_embedding": "a style adapter, which is given by --control beside a model",
    "adapter.": "a T2I-Adapter, which is given by --control beside a model",
    "body.0.": "a T2I-Adapter, which is given by --control beside a model",
    "conditioner.embedders.0.model.": "the SDXL refiner",
    "lora_": "a LoRA, which is given by --lora beside a model",
    "emb_params": "a textual inversion, which is given by --embedding beside a model",
    "clip_g": "a textual inversion, which is given by --embedding beside a model",
    "OUT11": "a textual inversion by layer, which is given by --embedding beside a model",
    "LAYER00": "a textual inversion by layer, which is given by --embedding beside a model",
    "down_blocks.": "a network in the layout of diffusers, which needs the rest of its folder",
    "encoder.": "an autoencoder alone",
    "decoder.": "an autoencoder alone",
    CODEC: "an autoencoder alone",
}


class NoModel(UsageError):
    """What was given is something else than a model, so that nothing can be said about it as one."""


@dataclass(frozen=True)
class Layout:
    """What the file tells: the family, what the network predicts where that is known, extra channels."""

    shape: Shape
    prediction: Predicts | None
    zero_snr: bool
    extra: int

    @property
    def family(self) -> str:
        """The name of the family, as methods list it."""
        return family_name(self.shape, self.extra)


def family_name(shape: str, extra: int) -> str:
    """``sd1``, or ``sd1-inpaint`` where the network reads a mask and a masked picture too.

    ``sd1-spatext`` where it reads a map of what regions show.
    """
    if not extra:
        return shape
    return f"{shape}-inpaint" if extra == MASKED else f"{shape}-spatext"


def layout_of(header: Header, path: Path) -> Layout:
    """What the checkpoint in a file is.

    Raises:
        UsageError: it is none of SD 1.x, SD 2.x and SDXL, or lacks a part.
    """
    shape = _shape(header, path)
    if not header.has(f"{NETWORK}input_blocks.0.0.weight"):
        raise UsageError(f"{path} lacks the network; it is not a whole checkpoint.")
    if not any(header.has(start) for start in CODECS):
        raise UsageError(f"{path} lacks the autoencoder; get the file with the VAE inside.")
    channels = header.shape(f"{NETWORK}input_blocks.0.0.weight")[1:2]
    latent = header.shape(f"{NETWORK}out.2.weight")[:1]
    extra = channels[0] - latent[0] if channels and latent else -1
    if extra not in (0, MASKED):
        raise UsageError(
            f"The network in {path} takes {channels[0] if channels else 'no'} channels; those of 4 are read, "
            "and of 9, for inpainting."
        )
    labels = header.has(f"{NETWORK}label_emb.")
    if labels != (shape == "sdxl") or "edm_mean" in header.entries:
        raise UsageError(
            f"The network in {path} wants more than a prompt, or noise of another kind; only SD 1.x, SD 2.x "
            "and SDXL are supported."
        )
    return Layout(shape, _prediction(header, shape, extra), _zero_snr(header), extra)


def what_else(header: Header) -> str:
    """What a file that is no checkpoint seems to be, or nothing."""
    if is_lora(header):
        return _OTHERS["lora_"]
    return next((what for start, what in _OTHERS.items() if header.has(start)), "")


def is_lora(header: Header) -> bool:
    """Whether a file holds low-rank pairs or their relatives, in any layout."""
    ends = (".lora_A.weight", ".lora_down.weight", ".lora.down.weight", "_lora.down.weight")
    ends += (".hada_w1_a", ".lokr_w1", ".lokr_w1_a")
    return any(name.endswith(ends) for name in header.entries)


def _shape(header: Header, path: Path) -> Shape:
    for shape in ("sdxl", "sd2", "sd1"):
        found = [header.has(start) for start in TEXTS[shape]]
        if all(found):
            return shape
        if any(found):
            raise UsageError(f"{path} lacks one of the two text encoders of SDXL; get the whole file.")
    what = what_else(header)
    if header.has(f"{NETWORK}input_blocks.") and what in ("", _OTHERS[CODEC]):
        raise UsageError(f"{path} lacks its text encoder; get the whole file.")
    raise NoModel(
        f"{path} is {what}; overpaint reads whole checkpoints of SD 1.x, SD 2.x and SDXL."
        if what
        else f"{path} is no checkpoint of SD 1.x, SD 2.x or SDXL; its tensors have other names."
    )


def _prediction(header: Header, shape: Shape, extra: int) -> Predicts | None:
    """By the marks trainers leave; without one SD 2.x alone is in doubt."""
    said = header.said.get("modelspec.prediction_type", "").lower()
    kind = header.said.get("modelspec.architecture", "").lower()
    if "v_pred" in header.entries or said in ("v", "v_prediction") or "v2-768-v" in kind:
        return "v"
    if said == "epsilon" or "v2-512" in kind or shape != "sd2" or extra:
        return "epsilon"  # the one inpainting network of SD 2 was tuned from the base model
    return None


def _zero_snr(header: Header) -> bool:
    return "ztsnr" in header.entries or header.said.get("ss_zero_terminal_snr", "").lower() == "true"
