"""What is added to a model: LoRAs, their relatives, learned words; and pickles to convert."""

import json
import pickle
from argparse import Namespace
from collections import defaultdict
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from tests import original
from tests.corpus.kit import Args, Case, Fine, Place, verify
from tests.corpus.test_weights import DENIED, PAGE, POINTER, Runs

QUERY = "mid_block.attentions.0.transformer_blocks.0.attn1.to_q"
KOHYA = f"lora_unet_{QUERY.replace('.', '_')}"
PEFT = f"base_model.model.{QUERY}"
TEXT = "text_encoders.clip_l.transformer.text_model.encoder.layers.0.self_attn.q_proj"
Parts = Mapping[str, Tensor]


def ones(**sizes: tuple[int, ...]) -> dict[str, Tensor]:
    return {name.replace("__", "."): torch.full(size, 0.1) for name, size in sizes.items()}


def lora(parts: Parts, start: str = KOHYA) -> Callable[[Place], Args]:
    """A LoRA file that changes one layer."""

    def make(p: Place) -> Args:
        return p.edit(
            "--lora", original.save(p.tmp / "l.safetensors", {f"{start}.{k}": v for k, v in parts.items()})
        )

    return make


def folder(told: object, *, weights: bool = True) -> Callable[[Place], Args]:
    """A folder as PEFT writes one."""

    def make(p: Place) -> Args:
        home = p.tmp / "adapter"
        home.mkdir()
        if weights:
            original.save(home / "adapter_model.safetensors", {f"{PEFT}.{k}": v for k, v in PAIR.items()})
        (home / "adapter_config.json").write_text(told if isinstance(told, str) else json.dumps(told))
        return p.edit("--lora", f"{home}:0.5")

    return make


def file(option: str, data: bytes) -> Callable[[Place], Args]:
    """Something else in the place of what is added."""
    return lambda p: p.edit(option, p.file("x.safetensors", data))


PAIR = ones(lora_A__weight=(2, 16), lora_B__weight=(16, 2))
HADA = ones(hada_w1_a=(16, 2), hada_w1_b=(2, 16), hada_w2_a=(16, 2), hada_w2_b=(2, 16))
KRON = ones(lokr_w1=(4, 4), lokr_w2=(4, 4))
ADDED: dict[str, Case] = {
    "a LoRA of PEFT": (folder({"peft_type": "LORA", "lora_alpha": 4, "r": 2}), Fine),
    "a rank-stabilised one": (folder({"lora_alpha": 4, "r": 2, "use_rslora": True}), Fine),
    "LoHa": (lora(HADA), Fine),
    "LoKr": (lora(KRON), Fine),
    "DoRA": (lora({**KRON, "dora_scale": torch.ones(16, 1)}), Fine),
    "a LoRA for texts alone": (lora(ones(lora_A__weight=(2, 24), lora_B__weight=(24, 2)), TEXT), Fine),
    "LoHa of another size": (lora(HADA | ones(hada_w2_b=(2, 8))), "have another size"),
    "LoKr that would fill the memory": (
        lora(ones(lokr_w1=(4000, 4), lokr_w2=(4000, 4))),
        "have another size",
    ),
    "half of a LoHa": (lora(ones(hada_w1_a=(16, 2))), "is not whole"),
    "lengths alone": (lora({"dora_scale": torch.ones(16, 1)}), "is not whole"),
    "lengths of another layer": (lora({**KRON, "dora_scale": torch.ones(7, 1)}), "have another size"),
    "an adapter of another kind": (folder({"peft_type": "OFT"}), "of the kind OFT"),
    "an adapter that changed the model": (folder({"init_lora_weights": "pissa"}), "own weights too"),
    "an alpha in words": (folder({"lora_alpha": "four"}), "is no number"),
    "an alpha without end": (folder('{"lora_alpha": 1e999}'), "is no number"),
    "an expression that never ends": (
        folder({"lora_alpha": 1, "alpha_pattern": {"(a+)+$": 1}}),
        "is no name of layers",
    ),
    "settings of an adapter that are a pointer": (folder(POINTER.decode()), "is a Git-LFS pointer"),
    "settings of an adapter that are a list": (folder([1]), "holds no settings in JSON"),
    "a folder without an adapter": (folder({}, weights=False), "holds no LoRA files"),
    "a pointer for a LoRA": (file("--lora", POINTER), "is a Git-LFS pointer"),
    "a web page for a LoRA": (file("--lora", PAGE), "is a web page"),
    "an answer of a server for a LoRA": (file("--lora", DENIED), "holds text and no weights"),
    "nothing for a LoRA": (file("--lora", b""), "is empty"),
    "a pointer for a word": (file("--embedding", POINTER), "is a Git-LFS pointer"),
    "a web page for a word": (file("--embedding", PAGE), "is a web page"),
    "nothing for a word": (file("--embedding", b""), "is empty"),
    "a LoRA for a word": (
        lambda p: p.edit(
            "--embedding", original.save(p.tmp / "x.safetensors", {f"{KOHYA}.lokr_w1": torch.ones(1)})
        ),
        "is a LoRA; give it by --lora",
    ),
}


def pickled(what: Callable[[Place], object], protocol: int = 2) -> Callable[[Place], Args]:
    """A checkpoint to convert, with something beside its weights."""

    def make(p: Place) -> Args:
        whole = {"state_dict": {"w": torch.ones(2)}, "more": what(p)}
        torch.save(whole, p.tmp / "x.ckpt", pickle_protocol=protocol)
        return ["convert", p.tmp / "x.ckpt", "-o", p.tmp / "y.safetensors"]

    return make


def raw(data: Callable[[Place], bytes]) -> Callable[[Place], Args]:
    """Any bytes to convert."""
    return lambda p: ["convert", p.file("x.pt", data(p)), "-o", p.tmp / "y.safetensors"]


class Built:
    """A harmless object of a class that is not there where the file is read."""


class Asks:
    """Pickled, it is the wish to call anything."""

    def __init__(self, what: Callable[..., Any], *args: object) -> None:
        self.wish = what, args

    def __reduce__(self) -> tuple[Callable[..., Any], tuple[object, ...]]:
        return self.wish


def opened(p: Place) -> object:
    return Asks(open, str(p.sentinel), "w")


def evaluated(p: Place) -> object:
    return Asks(eval, f"open({str(p.sentinel)!r}, 'w')")


CODE: Any = eval
NAMED = "and not for tensors alone"
PICKLES: dict[str, Case] = {
    "classes among the callbacks": (pickled(lambda _: {Built: {"best": 1}, "own": Built()}), Fine),
    "numbers of numpy": (pickled(lambda _: [np.float64(1), np.int64(2), np.arange(3)]), Fine),
    "dictionaries of other kinds": (pickled(lambda _: defaultdict(list, a=[1])), Fine),
    "weights in a dictionary of parameters": (
        pickled(lambda _: nn.ParameterDict({"*": torch.ones(2)})),
        Fine,
    ),
    "settings of a trainer": (pickled(lambda _: Namespace(rate=1e-4)), Fine),
    "a checkpoint of protocol 4": (pickled(lambda _: Built(), 4), Fine),
    "a command to run": (pickled(lambda p: Runs(p.sentinel)), f"subprocess.call {NAMED}"),
    "a command in protocol 4": (pickled(lambda p: Runs(p.sentinel), 4), f"subprocess.call {NAMED}"),
    "a file to open": (pickled(opened), f"io.open {NAMED}"),
    "code to evaluate": (pickled(evaluated), f"builtins.eval {NAMED}"),
    "code as a factory": (pickled(lambda _: Asks(defaultdict, CODE)), f"builtins.eval {NAMED}"),
    "a function of torch": (pickled(lambda _: Asks(torch.load, "x")), f"torch.serialization.load {NAMED}"),
    "a command alone": (raw(lambda p: pickle.dumps(Runs(p.sentinel), 4)), f"subprocess.call {NAMED}"),
    "a command in letters": (raw(lambda p: pickle.dumps(Runs(p.sentinel), 0)), f"subprocess.call {NAMED}"),
    "a pointer for a pickle": (raw(lambda _: POINTER), "is a Git-LFS pointer"),
    "a web page for a pickle": (raw(lambda _: PAGE), "is a web page"),
    "nothing for a pickle": (raw(lambda _: b""), "is empty"),
}
ALL = ADDED | PICKLES


@pytest.mark.filterwarnings("ignore:Detected pickle protocol")
@pytest.mark.sample(24)
@pytest.mark.parametrize("name", ALL)
def test_added(name: str, place: Place) -> None:
    verify(ALL[name], place)
