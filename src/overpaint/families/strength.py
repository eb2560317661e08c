"""How strongly an adapter acts: the alphas that lie beside its weights, as PEFT and diffusers write them.

An alpha may stand in the file for every layer (kohya, LyCORIS), in the file's metadata (diffusers), or in
``adapter_config.json`` beside the file (PEFT).
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from math import isfinite
from pathlib import Path
from typing import Any, cast

from overpaint.errors import UsageError
from overpaint.families.adapter import Adapter
from overpaint.files.mistaken import read_json
from overpaint.files.provenance import SETTINGS
from overpaint.files.weightfile import Header

PEFT = "base_model.model."
"""How PEFT begins the names of layers."""
_KINDS = ("LORA", "LOHA", "LOKR")
_FROM_WEIGHTS = ("pissa", "olora", "corda", "loftq", "lora_ga")
"""Ways to begin the training that also change the model's own weights, which the file does not hold."""
_EXPRESSIONS = set("*+?[](){}|")


@dataclass(frozen=True)
class Strength:
    """What settings say of an adapter's strength, of all layers and of some by name."""

    alpha: float | None = None
    rank: float | None = None
    rooted: bool = False
    alphas: Mapping[str, float] = field(default_factory=dict[str, float])
    ranks: Mapping[str, float] = field(default_factory=dict[str, float])

    @staticmethod
    def of(told: Mapping[str, Any], start: str = "") -> "Strength":
        """From the settings of PEFT, whose names may begin with the part they are for.

        Raises:
            ValueError: something in them is no number.
        """

        def said(*names: str) -> Any:
            return next((told[start + name] for name in names if told.get(start + name) is not None), None)

        alpha, rank = said("lora_alpha", "alpha"), said("r")
        return Strength(
            None if alpha is None else _number(alpha),
            None if rank is None else _number(rank),
            bool(said("use_rslora")),
            _by_name(said("alpha_pattern")),
            _by_name(said("rank_pattern")),
        )

    def give(self, one: Adapter) -> None:
        """Tell an adapter its alpha, unless it has one of its own."""
        alpha = _of(one.module, self.alphas, self.alpha)
        if one.alpha is None and alpha is not None:
            one.alpha, one.rooted = alpha, self.rooted
            one.said_rank = _of(one.module, self.ranks, self.rank)


def give_strengths(adapters: Mapping[str, Adapter], header: Header, file: Path) -> None:
    """Tell every adapter of a file what is said of its strength elsewhere.

    Args:
        adapters: by the layers they are for (``unet:…``, ``te:…``).
        header: of the file, whose metadata may speak of it.
        file: where it lies; settings of PEFT are looked for beside it.

    Raises:
        UsageError: what is said cannot be understood, or the adapter is of a form that is not read.
    """
    parts = {"unet": "unet.", "te": "text_encoder.", "te2": "text_encoder_2."}
    try:
        told = json.loads(header.said.get("lora_adapter_metadata", "{}"))
        inside = {part: Strength.of(told, start) for part, start in parts.items()}
        for name, one in adapters.items():
            inside.get(name.partition(":")[0], Strength()).give(one)
    except (ValueError, TypeError, AttributeError, RecursionError):
        raise UsageError(
            "What the LoRA says about its strength cannot be understood; get it again."
        ) from None
    beside = file.parent / SETTINGS
    if beside.is_file() and (file.name.startswith("adapter_model") or header.has(PEFT)):
        _give_settings(adapters, beside)


def _give_settings(adapters: Mapping[str, Adapter], beside: Path) -> None:
    """The same from the settings beside the file."""
    told = read_json(beside)
    kind, began = str(told.get("peft_type", _KINDS[0])), str(told.get("init_lora_weights", "")).lower()
    if kind not in _KINDS:
        raise UsageError(f"{beside} says the adapter is of the kind {kind}; LoRA, LoHa and LoKr are read.")
    if began.startswith(_FROM_WEIGHTS):
        raise UsageError(
            f"{beside} says that the training changed the model's own weights too ({began}); let PEFT save "
            "the adapter as a plain LoRA."
        )
    try:
        strength = Strength.of(told)
    except (ValueError, TypeError, AttributeError) as error:
        raise UsageError(
            f"What {beside} says about the adapter's strength cannot be understood ({error}); get it again."
        ) from None
    for one in adapters.values():
        strength.give(one)


def _by_name(told: object) -> dict[str, float]:
    """Values of single layers."""
    if told is None:
        return {}
    if not isinstance(told, dict):
        raise ValueError("a pattern is no table")
    names = {str(name): _number(value) for name, value in cast(dict[Any, Any], told).items()}
    odd = next((name for name in names if _EXPRESSIONS & set(name)), None)
    if odd is not None:  # an expression of a stranger may take for ever
        raise ValueError(f"the pattern {odd!r} is no name of layers")
    return {name.replace("\\.", "."): value for name, value in names.items()}


def _number(told: object) -> float:
    if isinstance(told, bool) or not isinstance(told, int | float) or not isfinite(told):
        raise ValueError(f"{str(told)[:40]!r} is no number")
    return float(told)


def _of(module: str, by_name: Mapping[str, float], default: float | None) -> float | None:
    """The value of a layer: by its whole name (``^name``), by the end of it, else that of all layers."""
    module = module.removeprefix(PEFT).replace(".processor.", ".")
    bare = module.partition(".")[2] if module.startswith(("unet.", "text_encoder")) else module
    for name, value in by_name.items():
        end = name.removesuffix("$")
        if bare == end.removeprefix("^") or (end[:1] != "^" and f".{bare}".endswith(f".{end}")):
            return value
    return default
