"""LoRA files and their relatives: which layer every tensor is for, in all the layouts that are read."""

import re
from collections.abc import Mapping
from pathlib import Path

import torch
from torch import Tensor

from overpaint.errors import UsageError
from overpaint.families.adapter import MAGNITUDE, Adapter
from overpaint.families.sgm import as_diffusers
from overpaint.families.strength import PEFT, give_strengths
from overpaint.files.weightfile import Header

PART = re.compile(
    r"(?P<module>.+?)(?:\.lora_(?P<kohya>down|up|mid)\.weight"
    r"|\.lora_(?P<peft>[AB])(?:\.\w+)?\.weight"
    r"|[._]lora(?:_linear_layer)?\.(?P<old>down|up)\.weight"
    r"|\.(?P<factor>(?:hada_(?:w[12]_[ab]|t[12])|lokr_(?:w[12](?:_[ab])?|t2)))"
    r"|\.(?P<length>dora_scale|lora_magnitude_vector(?:\.\w+)?(?:\.weight)?))"
)
_ROLES = {"A": "down", "B": "up"}
_STARTS = (
    ("lora_unet_", "unet"),
    ("lora_te2_", "te2"),
    ("lora_te1_", "te"),
    ("lora_te_", "te"),
    ("unet.", "unet"),
    ("text_encoder_2.", "te2"),
    ("text_encoder.", "te"),
    ("text_encoders.clip_l.transformer.", "te"),
    ("text_encoders.clip_h.transformer.", "te"),
    ("text_encoders.clip_g.transformer.", "te2"),
    ("clip_l.transformer.", "te"),
    ("clip_h.transformer.", "te"),
    ("clip_g.transformer.", "te2"),
    ("diffusion_model.", "unet"),
    ("", "unet"),
)
_TEXT = ("text_model.", "encoder.layers.", "text_projection.", "text_model_encoder_", "encoder_layers_")
"""How the layers of a text encoder begin where nothing says which of two it is."""
_UNREAD = {
    "lokr_t1": "LoKr with a core on its small side",
    "oft_": "OFT",
    "oft_blocks": "OFT",
    "boft_": "BOFT",
    "vera_lambda": "VeRA",
    "on_input": "IA3",
    "ia3_": "IA3",
    ".diff": "full differences",
    "a1.weight": "GLoRA",
    "lora_embedding_": "LoRA for embeddings",
    "bundle_emb": "a LoRA with words of its own",
}


def read_adapters(file: Path, header: Header) -> dict[str, Adapter]:
    """The adapters of a file by layer (`overpaint.families.lora.layers_of`).

    Raises:
        UsageError: it holds none, or something beside them.
    """
    from safetensors.torch import load_file

    for name in header.entries:
        kind = next((kind for mark, kind in _UNREAD.items() if mark in name), None)
        if kind is not None:
            raise UsageError(f"{file} holds {kind}; LoRA, LoCon, LoHa, LoKr and DoRA are read.")
    adapters: dict[str, Adapter] = {}
    for name, value in load_file(file).items():
        _sort(adapters, name, value, file)
    half = next((name for name, one in adapters.items() if not one.form), None)
    if half is not None or not adapters:
        raise UsageError(f"The LoRA {file} is not whole{f' ({half})' if half else ''}; get it again.")
    give_strengths(adapters, header, file)
    return adapters


def _sort(adapters: dict[str, Adapter], name: str, value: Tensor, file: Path) -> None:
    """Give a tensor to the layer it is for."""
    found = PART.fullmatch(name)
    module = found.group("module") if found else name.removesuffix(".alpha")
    one = adapters.setdefault(layer_name(module), Adapter(module))
    if not bool(torch.isfinite(value.float()).all()):
        raise UsageError(f"The LoRA {file} holds values that are not numbers ({name}); get it again.")
    if found:
        role = found.group("kohya") or found.group("old") or found.group("factor")
        role = role or (MAGNITUDE if found.group("length") else _ROLES[found.group("peft")])
        # One of the trainers gives the lengths of a kernel's outputs the place of its inputs.
        peft = (found.group("length") or "").startswith("lora_magnitude")
        one.parts[role] = value.flatten() if peft else value
    elif name.endswith(".alpha") and value.numel() == 1:
        one.alpha = float(value)
    else:
        raise UsageError(f"{file} holds weights that are no LoRA, such as {name}; give a LoRA.")


def layer_name(module: str) -> str:
    """The name of a layer in any of the layouts, as `layers_of` has it: ``unet:down_blocks_0_…``.

    Of a text encoder that is not named it is ``text:…`` (`settled`).
    """
    module = module.removeprefix(PEFT)
    start, part = next(pair for pair in _STARTS if module.startswith(pair[0]))
    name = module.removeprefix(start).removeprefix(PEFT).replace(".processor.", ".")
    if not start and name.startswith(_TEXT):
        part = "text"
    name = name.replace(".", "_")
    if part == "unet":
        return f"unet:{as_diffusers(re.sub('_to_out$', '_to_out_0', name))}"
    name = re.sub("_to_(q|k|v|out)$", r"_\1_proj", name.removeprefix("text_model_"))
    return f"{part}:{name}"


def settled(adapters: Mapping[str, Adapter], weights: Mapping[str, Tensor]) -> dict[str, Adapter]:
    """The adapters, those of an unnamed text encoder given to the one they fit."""
    loose = {name: name.removeprefix("text:") for name in adapters if name.startswith("text:")}

    def fit(part: str) -> bool:
        places = {name: f"{part}:{rest}" for name, rest in loose.items()}
        return all(p in weights and adapters[name].fits(weights[p]) for name, p in places.items())

    part = next((part for part in ("te", "te2") if fit(part)), "te")
    return {f"{part}:{loose[name]}" if name in loose else name: one for name, one in adapters.items()}
