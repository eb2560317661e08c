"""LoRA files and their relatives, folded into a model's weights.

The new weights (`overpaint.families.adapter`) are computed once, so that a network with LoRAs costs no more
than one without; taking a LoRA off again puts the very same numbers back.
"""

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

import torch
from torch import Tensor, nn

from overpaint.errors import UsageError
from overpaint.families.adapter import Adapter
from overpaint.families.fused import Lasting, noted
from overpaint.families.lorafile import PART, read_adapters, settled
from overpaint.families.original import TITLES
from overpaint.files.fingerprint import file_hash
from overpaint.files.weightfile import Header, read_header
from overpaint.model import Model

_WIDTHS = {768: "sd1", 1024: "sd2", 2048: "sdxl"}


@dataclass(frozen=True)
class Lora(Lasting):
    """A LoRA file as a patch: on for the length of a ``with``, or put on for good when a model is loaded."""

    file: Path
    scale: float = 1.0

    @property
    def fingerprint(self) -> str:
        """The file, the settings beside it, and how strongly it acts."""
        beside = self.file.with_name("adapter_config.json")
        told = file_hash(beside) if beside.is_file() else ""
        return f"lora {self.scale} {file_hash(self.file)} {told}"

    def put(self, model: Model) -> Callable[[], None]:
        """Fold the LoRA into the weights, and give back what takes it off again.

        Raises:
            UsageError: the file is no LoRA of a kind that is read, or was made for another model.
        """
        header = read_header(self.file)
        weights = {name: cast(Tensor, layer.weight) for name, layer in layers_of(model).items()}
        adapters = settled(read_adapters(self.file, header), weights)
        lost = [name for name in adapters if name not in weights]
        odd = [name for name, one in adapters.items() if name in weights and not one.fits(weights[name])]
        if lost or odd:
            raise UsageError(self._stranger(header, model, len(adapters), lost, odd))
        old = [(weights[name], weights[name].clone()) for name in adapters]

        def undo() -> None:
            with torch.no_grad():
                for weight, before in reversed(old):
                    weight.copy_(before)

        try:
            with torch.no_grad():
                for name, one in adapters.items():
                    weights[name].copy_(one.applied(weights[name], self.scale))
        except BaseException:  # memory that ran out, or a Ctrl-C: no model keeps half of a LoRA
            undo()
            raise
        if not all(bool(torch.isfinite(weight).all()) for weight, _ in old):
            undo()
            raise UsageError(f"The LoRA {self.file} makes weights that are not numbers; it is damaged.")
        idle = all(torch.equal(weight, before) for weight, before in old)
        return noted(model, list(self._notes(adapters, idle)), undo)

    def _notes(self, adapters: Mapping[str, Adapter], idle: bool) -> Iterator[str]:
        """What should be known of the LoRA, a sentence each."""
        unsaid = sum(one.unsaid for one in adapters.values())
        if self.scale == 0:
            yield f"The LoRA {self.file} has the strength 0 and changes nothing."
        elif idle:
            yield f"The LoRA {self.file} changes nothing: what it adds is zero, or lost in rounding."
        elif unsaid:
            some = "" if unsaid == len(adapters) else f" of {unsaid} of its {len(adapters)} layers"
            yield (
                f"The LoRA {self.file} does not say its alpha{some}, so alpha was taken to be the rank "
                "(strength 1); PEFT says it in adapter_config.json, which belongs beside the file."
            )

    def _stranger(self, header: Header, model: Model, count: int, lost: list[str], odd: list[str]) -> str:
        """Why the file does not fit the model."""
        made = _made_for(header)
        start = f"The LoRA {self.file} does not fit {model.name} ({model.family.name})"
        if made and not model.family.name.startswith(made):
            return f"{start}: it was made for {TITLES[made]}."
        first = (lost or odd)[0]
        what = "are not in this model" if lost else "have another size in this model"
        return f"{start}: {len(lost or odd)} of its {count} layers, such as {first}, {what}."


def layers_of(model: Model) -> dict[str, Any]:
    """Every layer a LoRA may change, by one name for all layouts of files."""
    net = cast(nn.Module, getattr(model.net, "_orig_mod", model.net))
    nets = {"unet": net, **dict(zip(("te", "te2"), model.family.parts.get("text", ()), strict=False))}
    return {
        f"{part}:{name.removeprefix('text_model.').replace('.', '_')}": layer
        for part, whole in nets.items()
        for name, layer in whole.named_modules()
        if isinstance(layer, nn.Linear | nn.Conv2d)
    }


def _made_for(header: Header) -> str:
    """The family a LoRA was made for, by what its trainer wrote down or by the width of its texts."""
    said = (
        header.said.get("ss_base_model_version", "") + header.said.get("modelspec.architecture", "")
    ).lower()
    for mark, family in (("xl", "sdxl"), ("sd_v2", "sd2"), ("v2-", "sd2"), ("sd_v1", "sd1"), ("-v1", "sd1")):
        if mark in said:
            return family
    for name, one in header.entries.items():
        found = PART.fullmatch(name)
        if found and re.search(r"attn2[._](processor\.)?to_k$", found.group("module")) and len(one.shape) > 1:
            if {"down", "A", "hada_w1_b"} & {found.group(k) for k in ("kohya", "old", "peft", "factor")}:
                return _WIDTHS.get(one.shape[1], "")
    return ""
