"""Models that lack parts, mix them, lie about their size, or would run something."""

import json
import pickle
import shutil
import struct
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch

from tests.cli.kit import save_folder
from tests.corpus.kit import Args, Case, Fine, Place, verify

UNET = "unet/diffusion_pytorch_model.safetensors"


class Runs:
    """Pickled, it is a wish to run a command when it is read."""

    def __init__(self, sentinel: Path) -> None:
        self.sentinel = sentinel

    def __reduce__(self) -> tuple[Callable[..., object], tuple[list[str]]]:
        return subprocess.call, (["touch", str(self.sentinel)],)


def harmful(p: Place) -> bytes:
    return pickle.dumps(Runs(p.sentinel))


def changed(part: str, change: Callable[[bytes], bytes]) -> Callable[[Place], Args]:
    """The model with one of its files rewritten."""

    def make(p: Place) -> Args:
        file = p.own_model() / part
        file.write_bytes(change(file.read_bytes()))
        return p.by(file.parents[1])

    return make


def reset(file: str, **values: Any) -> Callable[[Place], Args]:
    """The model with some of its settings others."""
    return changed(file, lambda data: json.dumps(json.loads(data) | values).encode())


def without(*parts: str) -> Callable[[Place], Args]:
    def make(p: Place) -> Args:
        home = p.own_model()
        for part in parts:
            shutil.rmtree(home / part) if (home / part).is_dir() else (home / part).unlink()
        return p.by(home)

    return make


def single(name: str, make: Callable[[Place], bytes]) -> Callable[[Place], Args]:
    """One file in place of a folder."""
    return lambda p: p.by(p.file(name, make(p)))


def header(text: bytes, body: bytes = b"") -> bytes:
    return struct.pack("<Q", len(text)) + text + body


def entry(start: int, stop: int, shape: list[int] | None = None) -> bytes:
    said = {"x": {"dtype": "F32", "shape": shape or [1], "data_offsets": [start, stop]}}
    return json.dumps(said).encode()


def indexed(goal: str) -> Callable[[Place], Args]:
    """Weights in pieces, one of which is said to lie elsewhere."""

    def make(p: Place) -> Args:
        home = p.own_model()
        shutil.move(home / UNET, p.tmp / "outside.safetensors")
        index = {"metadata": {}, "weight_map": {"conv_in.weight": goal.replace("@", str(p.tmp))}}
        (home / f"{UNET}.index.json").write_text(json.dumps(index))
        return p.by(home)

    return make


def pickled_beside(p: Place) -> Args:
    """A folder whose weights are a pickle."""
    home = p.own_model()
    (home / UNET).unlink()
    (home / "unet" / "diffusion_pytorch_model.bin").write_bytes(harmful(p))
    return p.by(home)


def with_code(p: Place) -> Args:
    """A folder that names a class of its own code."""
    home = p.own_model()
    (home / "evil.py").write_text(f"open({str(p.sentinel)!r}, 'w')")
    (home / "model_index.json").write_text(json.dumps({"_class_name": ["evil", "Pipeline"]}))
    config = json.loads((home / "unet" / "config.json").read_text())
    (home / "unet" / "config.json").write_text(json.dumps({**config, "auto_map": {"AutoModel": "evil.Net"}}))
    (home / UNET).unlink()
    return p.by(home)


def of_another_family(p: Place) -> Args:
    """The text encoder of a larger family."""
    home = p.own_model()
    other = save_folder(p.tmp / "other", "sd2")
    shutil.rmtree(home / "unet")
    shutil.copytree(other / "unet", home / "unet")
    config = json.loads((home / "unet" / "config.json").read_text())
    (home / "unet" / "config.json").write_text(json.dumps({**config, "cross_attention_dim": 48}))
    return p.by(home)


def put(name: str, data: bytes) -> Callable[[Place], Args]:
    """The model with something else in the place of one of its files."""

    def make(p: Place) -> Args:
        home = p.own_model()
        (home / name).write_bytes(data)
        return p.by(home)

    return make


POINTER = b"version https://git-lfs.github.com/spec/v1\noid sha256:4d7a2146\nsize 3438167534\n"
PAGE = b"\n<!DOCTYPE html>\n<html><head><title>Log in</title></head><body></body></html>\n"
DENIED = b'{"error": "Access to this model is restricted and you are not in the authorized list."}'
MISTAKES = {
    "a pointer": (POINTER, "is a Git-LFS pointer"),
    "a web page": (PAGE, "is a web page"),
    "nothing": (b"", "is empty"),
}
PARTS_OF_IT = {
    "weights": UNET,
    "the weights of the texts": "text_encoder/model.safetensors",
    "settings": "vae/config.json",
    "the schedule": "scheduler/scheduler_config.json",
    "the vocabulary": "tokenizer/vocab.json",
    "the tokenizer": "tokenizer/tokenizer.json",
    "its settings": "tokenizer/tokenizer_config.json",
    "the merges": "tokenizer/merges.txt",
    "the index": f"{UNET}.index.json",
}
MISTAKEN_PARTS: dict[str, Case] = {
    f"{what} for {part}": (put(file, data), f"{file.rpartition('/')[2]} {says}")
    for what, (data, says) in MISTAKES.items()
    for part, file in PARTS_OF_IT.items()
}
MISTAKEN: dict[str, Case] = {
    "an answer of a server for weights": (put(UNET, DENIED), "holds text and no weights"),
    "a packed archive for weights": (put(UNET, b"\x1f\x8b\x08" + bytes(40)), "is a packed archive (gzip)"),
    "a vocabulary of words": (put("tokenizer/vocab.json", b'{"cat": "cat"}'), "gives words no numbers"),
    "a vocabulary that is a list": (put("tokenizer/vocab.json", b'["cat"]'), "holds no settings in JSON"),
    "merges of three": (put("tokenizer/merges.txt", b"#version\na b\na b c\n"), "no pair ('a b c')"),
    "a tokenizer of another kind": (put("tokenizer/tokenizer.json", b'{"model": 1}'), "Nothing can be built"),
}
NULLS: dict[str, Case] = {
    "an offset that is null": (reset("scheduler/scheduler_config.json", steps_offset=None), Fine),
    "what it predicts that is null": (reset("scheduler/scheduler_config.json", prediction_type=None), Fine),
    "an activation that is null": (reset("unet/config.json", act_fn=None), Fine),
    "a type that is null": (reset("vae/config.json", force_upcast=None), Fine),
    "a window that is null": (reset("tokenizer/tokenizer_config.json", model_max_length=None), Fine),
    "an activation nobody knows": (reset("unet/config.json", act_fn="wobble"), "Nothing can be built"),
    "an activation of the texts nobody knows": (
        reset("text_encoder/config.json", hidden_act="wobble"),
        "Nothing can be built",
    ),
    "a fall nobody knows": (
        reset("scheduler/scheduler_config.json", beta_schedule="wobble"),
        "No noise schedule",
    ),
    "an offset in words": (reset("scheduler/scheduler_config.json", steps_offset="one"), "No noise schedule"),
}


def in_form(*forms: str) -> Callable[[Place], Args]:
    """The model with its network in these forms alone."""

    def make(p: Place) -> Args:
        home = p.own_model()
        data = (home / UNET).read_bytes()
        (home / UNET).unlink()
        for form in forms:
            (home / UNET.replace(".safetensors", f".{form}.safetensors")).write_bytes(data)
        return p.by(home)

    return make


FORMS: dict[str, Case] = {
    "weights in bf16 alone": (in_form("bf16"), Fine),
    "averaged weights alone": (in_form("ema"), Fine),
    "weights that are not averaged alone": (in_form("non_ema"), Fine),
    "weights in fp32 and fp16": (in_form("fp32", "fp16"), Fine),
}
FOLDERS: dict[str, Case] = {
    "no network": (without("unet"), "lacks unet/config.json"),
    "no autoencoder": (without("vae"), "lacks vae/config.json"),
    "no text encoder": (without("text_encoder"), "lacks text_encoder/config.json"),
    "no tokenizer": (without("tokenizer"), "lacks tokenizer/"),
    "no schedule": (without("scheduler"), "lacks scheduler/"),
    "no weights": (without(UNET), "has no unet/*.safetensors"),
    "a part for another part": (
        changed("unet/config.json", lambda _: b'{"_class_name": "AutoencoderKL"}'),
        "model",
    ),
    "another family's network": (of_another_family, "model"),
    "settings that are no JSON": (changed("unet/config.json", lambda d: d[: len(d) // 2]), "model"),
    "settings of another kind": (changed("unet/config.json", lambda _: b"[]"), "model"),
    "settings that are a list": (changed("unet/config.json", lambda _: b"[1, 2]"), "no settings in JSON"),
    "layers without end": (reset("unet/config.json", layers_per_block=3_000_000), "beyond 200"),
    "a window in words": (reset("tokenizer/tokenizer_config.json", model_max_length="abc"), "is no number"),
    "a vocabulary of another size": (reset("text_encoder/config.json", vocab_size=7), "text_encoder"),
    "a schedule beyond noise": (reset("scheduler/scheduler_config.json", beta_end=5.0), "beta_end"),
    "a scale that is no number": (reset("vae/config.json", scaling_factor=float("nan")), "no scale"),
    "negative widths": (
        changed("unet/config.json", lambda d: d.replace(b'"block_out_channels": [', b'"x": [-1, ')),
        "model",
    ),
    "a schedule without end": (
        changed("scheduler/scheduler_config.json", lambda d: d.replace(b"1000", b"1000000000000")),
        "model",
    ),
    "a pickle for weights": (pickled_beside, "has no unet/*.safetensors"),
    "a class of its own code": (with_code, "has no unet/*.safetensors"),
    "weights outside its folder": (indexed("../../outside.safetensors"), "outside"),
    "weights at an absolute place": (indexed("@/outside.safetensors"), "outside"),
}
FILES: dict[str, Case] = {
    "empty": (changed(UNET, lambda _: b""), "unet"),
    "cut short": (changed(UNET, lambda d: d[: len(d) // 2]), "unet"),
    "a header longer than the file": (changed(UNET, lambda d: struct.pack("<Q", 2**62) + d[8:]), "unet"),
    "a header that is no JSON": (changed(UNET, lambda _: header(b"{nonsense")), "unet"),
    "offsets outside the file": (changed(UNET, lambda _: header(entry(0, 10**9))), "unet"),
    "offsets that run backwards": (changed(UNET, lambda _: header(entry(8, 4), bytes(8))), "unet"),
    "a shape larger than its data": (changed(UNET, lambda _: header(entry(0, 4, [10**6]), bytes(4))), "unet"),
    "a pickle called safetensors": (changed(UNET, lambda _: pickle.dumps(torch.zeros(2))), "unet"),
}
SINGLE: dict[str, Case] = {
    "a checkpoint that is a pickle": (single("a.ckpt", harmful), "overpaint convert"),
    "a pickle of another ending": (single("a.pt", harmful), "overpaint convert"),
    "a pickle called safetensors": (single("a.safetensors", harmful), "a.safetensors"),
    "an empty file": (single("a.safetensors", lambda _: b""), "a.safetensors is empty"),
    "a pointer": (single("a.safetensors", lambda _: POINTER), "a.safetensors is a Git-LFS pointer"),
    "a web page": (single("a.safetensors", lambda _: PAGE), "a.safetensors is a web page"),
    "a lying header": (single("a.safetensors", lambda _: header(entry(0, 10**9))), "a.safetensors"),
    "weights of something else": (
        single("a.safetensors", lambda _: header(entry(0, 4), bytes(4))),
        "a.safetensors",
    ),
    "a picture": (lambda p: p.by(p.picture), "cat.png"),
    "a name with blanks": (lambda p: p.by("no such model"), "There is no model"),
    "an address": (lambda p: p.by("https://example.org/model.safetensors"), "There is no model"),
    "a way out of every folder": (lambda p: p.by("../../../../etc"), "etc"),
    "nothing": (lambda p: p.by(""), "model"),
}
ALL = (
    FOLDERS
    | FORMS
    | NULLS
    | MISTAKEN_PARTS
    | MISTAKEN
    | {f"weights: {k}": v for k, v in FILES.items()}
    | {f"one file: {k}": v for k, v in SINGLE.items()}
)


@pytest.mark.parametrize("name", ALL)
def test_model(name: str, place: Place) -> None:
    verify(ALL[name], place)


def test_the_harmful_pickle_would_have_run(place: Place) -> None:
    pickle.loads(harmful(place))
    assert place.sentinel.exists()
