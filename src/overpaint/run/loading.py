"""Models by name, on a device that exists, without a trace in the global random state."""

import os
from collections.abc import Generator, Iterable
from contextlib import contextmanager
from functools import partial
from pathlib import Path

import torch

from overpaint.errors import UsageError
from overpaint.families.clip import beside, named
from overpaint.families.load import load as load_at
from overpaint.families.prior import beside as prior_beside
from overpaint.files.provenance import Origin
from overpaint.model import Model
from overpaint.neutral import neutral

DTYPES = {
    "float64": torch.float64,
    "float32": torch.float32,
    "float16": torch.float16,
    "bfloat16": torch.bfloat16,
}


def load(
    name: str = "still-life",
    dtype: str | torch.dtype | None = None,
    device: str | None = None,
    *,
    loras: Iterable[str] = (),
    embeddings: Iterable[str] = (),
    prediction: str | None = None,
    tokenizer: str | Path | None = None,
    force_words: bool = False,
    download: bool = False,
    offload: bool = False,
) -> Model:
    """A model: the shipped one (``still-life``), or any of SD 1.x, SD 2.x and SDXL.

    Args:
        name: its name, a diffusers folder, a checkpoint in one safetensors file, or an id of the Hub.
        dtype: the network's type (``"float32"``, ``"float16"``, ``"bfloat16"``, ``"float64"``); by itself
        float32 on the
            CPU and bfloat16 or float16 elsewhere.
        device: ``"cpu"``, ``"cuda"``, ``"cuda:1"`` or ``"mps"``; by itself the best there is.
        loras: LoRA files, each with its strength where that is not 1: ``"style.safetensors:0.8"``.
        embeddings: textual-inversion files and concepts (``overpaint learn p-plus``, kohya's XTI), each with
            its word if it is another: ``"cat.safetensors:my"``.
        prediction: ``"epsilon"`` or ``"v"``, where the model cannot tell or tells wrongly.
        tokenizer: the folder of the tokenizer, for a checkpoint in one file.
        force_words: also read concepts that were learned on another model.
        download: fetch what is not on this machine from the Hub; by itself nothing is fetched.
        offload: let text encoders, network and autoencoder wait on the CPU until they are used: the device
            then holds the largest of them at a time instead of all. The result is the same, to the bit.

    Raises:
        UsageError: no such model, type or device, a model that lacks parts, or an unsupported family.
        OutOfMemory: the model does not fit on the device.
    """
    origin = Origin.said(loras, embeddings, prediction, tokenizer, force_words)
    return load_as(name, dtype, device, origin, download, offload)


@neutral()
def load_as(
    name: str,
    dtype: str | torch.dtype | None,
    device: str | None,
    origin: Origin,
    download: bool = False,
    offload: bool = False,
) -> Model:
    """The same with what a recipe says about the model's origin."""
    if isinstance(dtype, str):
        dtype = dtype_of(dtype)
    state = torch.random.get_rng_state()
    try:
        model = load_at(name, dtype, device, origin, download, offload)
        model.open_eye = beside(model.home, model.device)
        model.open_prior = prior_beside(model.home, model.device)
        model.open_named = partial(named, device=model.device)
        return model
    finally:  # constructors may draw weights before the stored ones replace them
        torch.random.set_rng_state(state)


def dtype_of(name: str) -> torch.dtype:
    """The type of that name."""
    if name not in DTYPES:
        raise UsageError(f"There is no type {name!r} for a network; use one of: {', '.join(DTYPES)}.")
    return DTYPES[name]


@contextmanager
def threads(count: int | None) -> Generator[None, None, None]:
    """That many threads for one torch operation: the last bits of sums depend on it.

    No more than the machine has cores, or this process uses by itself: a recipe is a stranger's file, and
    threads without cores to run on wait for one another.
    """
    before = torch.get_num_threads()
    torch.set_num_threads(min(count or before, max(before, os.cpu_count() or 1)))
    try:
        yield
    finally:
        torch.set_num_threads(before)
