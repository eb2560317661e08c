"""LoRA files: what they add to which layer, in the layouts of diffusers, peft and kohya.

A low-rank pair changes a weight by ``scale * alpha / rank * up @ down``. That sum is folded into the weights
once, so that a network with LoRAs costs no more than one without; taking it off again puts the very same
numbers back.
"""

import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from math import sqrt
from pathlib import Path
from typing import Any, cast

import torch
from torch import Tensor, nn

from overpaint.errors import UsageError
from overpaint.families.fused import Lasting
from overpaint.families.original import TITLES
from overpaint.families.sgm import as_diffusers
from overpaint.files.weightfile import Header, read_header
from overpaint.model import Model

_PAIR = re.compile(
    r"(?P<module>.+?)(?:\.lora_(?P<kohya>down|up|mid)|\.lora_(?P<peft>[AB])(?:\.\w+)?"
    r"|[._]lora(?:_linear_layer)?\.(?P<old>down|up))\.weight"
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
    ("diffusion_model.", "unet"),
    ("", "unet"),
)
_METADATA = {"unet": "unet", "te": "text_encoder", "te2": "text_encoder_2"}
_UNREAD = {
    "hada_": "LoHa",
    "lokr_": "LoKr",
    "oft_": "OFT",
    "oft_blocks": "OFT",
    "dora_scale": "DoRA",
    "lora_magnitude_vector": "DoRA",
    "on_input": "IA3",
    ".diff": "full differences",
    "a1.weight": "GLoRA",
    "bundle_emb": "a LoRA with words of its own",
}
_WIDTHS = {768: "sd1", 1024: "sd2", 2048: "sdxl"}


@dataclass(frozen=True)
class Lora(Lasting):
    """A LoRA file as a patch: on for the length of a ``with``, or put on for good when a model is loaded."""

    file: Path
    scale: float = 1.0

    def put(self, model: Model) -> Callable[[], None]:
        """Fold the LoRA into the weights, and give back what takes it off again.

        Raises:
            UsageError: the file is no LoRA of a kind that is read, or was made for another model.
        """
        header = read_header(self.file)
        pairs = read_pairs(self.file, header)
        layers = layers_of(model)
        lost = [name for name in pairs if name not in layers]
        odd = [name for name, pair in pairs.items() if name in layers and not pair.fits(layers[name].weight)]
        if lost or odd:
            raise UsageError(self._stranger(header, model, len(pairs), lost, odd))
        old: list[tuple[Tensor, Tensor]] = []
        with torch.no_grad():
            for name, pair in pairs.items():
                weight = cast(Tensor, layers[name].weight)
                old.append((weight, weight.clone()))
                weight.copy_(weight.float() + self.scale * pair.change(weight))

        def undo() -> None:
            with torch.no_grad():
                for weight, before in reversed(old):
                    weight.copy_(before)

        return undo

    def _stranger(self, header: Header, model: Model, count: int, lost: list[str], odd: list[str]) -> str:
        """Why the file does not fit the model."""
        made = _made_for(header)
        start = f"The LoRA {self.file} does not fit {model.name} ({model.family.name})"
        if made and not model.family.name.startswith(made):
            return f"{start}: it was made for {TITLES[made]}."
        first = (lost or odd)[0]
        what = "are not in this model" if lost else "have another size in this model"
        return f"{start}: {len(lost or odd)} of its {count} layers, such as {first}, {what}."


@dataclass
class Pair:
    """What a file says about one layer."""

    parts: dict[str, Tensor] = field(default_factory=dict[str, Tensor])
    alpha: float | None = None
    rooted: bool = False
    """Whether alpha is divided by the root of the rank (rank-stabilised LoRA)."""

    @property
    def rank(self) -> int:
        """The inner width of the pair."""
        return self.parts["down"].shape[0]

    @property
    def strength(self) -> float:
        """Alpha over rank; 1 where the file has no alpha."""
        if self.alpha is None:
            return 1.0
        return self.alpha / (sqrt(self.rank) if self.rooted else self.rank)

    def fits(self, weight: Tensor) -> bool:
        """Whether the product has the size of the layer's weight."""
        up, down, mid = (self.parts.get(k) for k in ("up", "down", "mid"))
        if up is None or down is None or not self.rank or up.ndim < 2 or down.ndim < 2:
            return False
        if mid is not None:
            sizes = (up.shape[0], down.shape[1], *mid.shape[2:])
            return mid.shape[:2] == (up[0].numel(), self.rank) and sizes == tuple(weight.shape)
        same = up.shape[0] == weight.shape[0] and up[0].numel() == self.rank
        return same and down.shape[1] == weight.shape[1] and down[0].numel() == weight[0].numel()

    def change(self, weight: Tensor) -> Tensor:
        """What is added to the weight at full strength, in float32."""
        up, down = (self.parts[k].to(weight.device, torch.float32).flatten(1) for k in ("up", "down"))
        if "mid" in self.parts:
            mid = self.parts["mid"].to(weight.device, torch.float32)
            return torch.einsum("or,rskl,si->oikl", up, mid, down) * self.strength
        return (up @ down).view(weight.shape) * self.strength


def read_pairs(file: Path, header: Header) -> dict[str, Pair]:
    """The pairs of a file by layer (`layers_of`).

    Raises:
        UsageError: it holds none, or something beside them.
    """
    from safetensors.torch import load_file

    for name in header.entries:
        kind = next((kind for mark, kind in _UNREAD.items() if mark in name), None)
        if kind is not None:
            raise UsageError(
                f"{file} holds {kind}; only LoRA and its form for convolutions (LoCon) are read."
            )
    pairs: dict[str, Pair] = {}
    for name, value in load_file(file).items():
        found = _PAIR.fullmatch(name)
        module = found.group("module") if found else name.removesuffix(".alpha")
        pair = pairs.setdefault(layer_name(module), Pair())
        if not bool(torch.isfinite(value.float()).all()):
            raise UsageError(f"The LoRA {file} holds values that are not numbers ({name}); get it again.")
        if found:
            role = found.group("kohya") or found.group("old") or _ROLES[found.group("peft")]
            pair.parts[role] = value
        elif name.endswith(".alpha") and value.numel() == 1:
            pair.alpha = float(value)
        else:
            raise UsageError(f"{file} holds weights that are no LoRA, such as {name}; give a LoRA.")
    half = next((name for name, pair in pairs.items() if not {"up", "down"} <= set(pair.parts)), None)
    if half is not None or not pairs:
        raise UsageError(f"The LoRA {file} is not whole{f' ({half})' if half else ''}; get it again.")
    _alphas(pairs, header)
    return pairs


def layer_name(module: str) -> str:
    """The name of a layer in any of the layouts, as `layers_of` has it: ``unet:down_blocks_0_…``."""
    module = module.removeprefix("base_model.model.")
    start, part = next(pair for pair in _STARTS if module.startswith(pair[0]))
    name = module.removeprefix(start).removeprefix("base_model.model.").replace(".processor.", ".")
    name = name.replace(".", "_")
    if part == "unet":
        return f"unet:{as_diffusers(re.sub('_to_out$', '_to_out_0', name))}"
    name = re.sub("_to_(q|k|v|out)$", r"_\1_proj", name.removeprefix("text_model_"))
    return f"{part}:{name}"


def layers_of(model: Model) -> dict[str, Any]:
    """Every layer a LoRA may change, by one name for all layouts of files."""
    family: Any = model.family
    net = cast(nn.Module, getattr(model.net, "_orig_mod", model.net))
    nets = {"unet": net, **dict(zip(("te", "te2"), family.encoders, strict=False))}
    return {
        f"{part}:{name.removeprefix('text_model.').replace('.', '_')}": layer
        for part, whole in nets.items()
        for name, layer in whole.named_modules()
        if isinstance(layer, nn.Linear | nn.Conv2d)
    }


def _alphas(pairs: Mapping[str, Pair], header: Header) -> None:
    """The alphas peft keeps apart from the weights."""
    try:
        told = json.loads(header.said.get("lora_adapter_metadata", "{}"))
        for name, pair in pairs.items():
            start = _METADATA[name.partition(":")[0]]
            by_layer = {
                layer_name(f"{start}.{k}"): v for k, v in (told.get(f"{start}.alpha_pattern") or {}).items()
            }
            near = [v for k, v in by_layer.items() if name == k or name.endswith(k.partition(":")[2])]
            alpha = next(iter(near), told.get(f"{start}.lora_alpha"))
            if pair.alpha is None and alpha is not None:
                pair.alpha, pair.rooted = float(alpha), bool(told.get(f"{start}.use_rslora"))
    except (ValueError, TypeError, AttributeError):
        raise UsageError(
            "What the LoRA says about its strength cannot be understood; get it again."
        ) from None


def _made_for(header: Header) -> str:
    """The family a LoRA was made for, by what its trainer wrote down or by the width of its texts."""
    said = (
        header.said.get("ss_base_model_version", "") + header.said.get("modelspec.architecture", "")
    ).lower()
    for mark, family in (("xl", "sdxl"), ("sd_v2", "sd2"), ("v2-", "sd2"), ("sd_v1", "sd1"), ("-v1", "sd1")):
        if mark in said:
            return family
    for name, one in header.entries.items():
        found = _PAIR.fullmatch(name)
        if found and re.search(r"attn2[._](processor\.)?to_k$", found.group("module")) and len(one.shape) > 1:
            if (found.group("kohya") or found.group("old") or found.group("peft")) in ("down", "A"):
                return _WIDTHS.get(one.shape[1], "")
    return ""
