"""What stops an edit on the way, memory, numbers or disks: one sentence, exit code 2, nothing written."""

import errno
import json
import math
import os
from pathlib import Path
from typing import Any

import pytest
import torch
from diffusers.models.autoencoders.autoencoder_kl import AutoencoderKL
from diffusers.models.unets.unet_2d_condition import UNet2DConditionModel
from tests.cli.kit import SOURCE, TARGET, Said, overpaint
from torch import Tensor
from transformers import CLIPTextModel

from overpaint import unload
from overpaint.families import offload
from overpaint.families.unet import UNetFamily
from overpaint.images import load_picture

BOUND = ("--memory", "1GB")


def edit(picture: Path, folder: Path, *more: str) -> Said:
    words = ("--source", SOURCE, "--target", TARGET, "--steps", "2", "--model", str(folder))
    return overpaint("edit", picture, *words, "-o", picture.with_name("out.png"), *more)


def refused(said: Said, picture: Path, words: str) -> None:
    assert said.code == 2 and said.out == ""
    assert words in said.err and said.err.count("\n") == 1
    assert not list(picture.parent.glob("*out.png*"))


def answering(monkeypatch: pytest.MonkeyPatch, answer: Any) -> None:
    real = UNetFamily.call

    def call(family: Any, net: Any, x: Tensor, *rest: Any) -> Tensor:
        return answer(x, lambda: real(family, net, x, *rest))

    monkeypatch.setattr(UNetFamily, "call", call)


def test_an_edit_within_a_bound(picture: Path, folder: Path) -> None:
    refused(edit(picture, folder, "--memory", "100KB"), picture, "even row by row, more than 0.1 MB; choose")
    refused(edit(picture, folder, "--memory", "lots"), picture, "'lots' is no amount of memory")
    figures = [
        edit(picture, folder, "--dry-run", "--json", *more).figures for more in ([], ["--memory", "1GB"])
    ]
    assert figures[0] == figures[1]
    assert edit(picture, folder, *BOUND).code == 0


def test_memory_that_runs_out(picture: Path, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def cramped(x: Tensor, real: Any) -> Tensor:
        if len(x) > 1:
            raise torch.OutOfMemoryError("CUDA out of memory")
        return real()

    answering(monkeypatch, cramped)
    said = edit(picture, folder)
    assert said.code == 0 and "Warning: Memory ran out, so the edit was made again" in said.err
    again = overpaint("rerun", picture.with_name("out.png"), "-o", picture.with_name("again.png"), "--json")
    assert again.code == 0 and json.loads(again.out)["same"] is True and "ran out" not in again.err
    picture.with_name("out.png").unlink()
    answering(monkeypatch, lambda x, real: cramped(torch.zeros(2), real))  # pyright: ignore[reportUnknownLambdaType]
    refused(
        edit(picture, folder, "--no-cache", "--no-look"),
        picture,
        "Memory of the device cpu ran out even row by row",
    )


SHORT = {
    "the model is loaded": (UNet2DConditionModel, "to", "does not fit into the memory of the device cpu"),
    "the prompts are encoded": (
        CLIPTextModel,
        "forward",
        "Memory of the device cpu ran out while prompts",
    ),
    "the picture is encoded": (AutoencoderKL, "encode", "The autoencoder ran out of the memory"),
    "the picture is decoded": (AutoencoderKL, "decode", "The autoencoder ran out of the memory"),
}


@pytest.mark.parametrize("when", SHORT)
@pytest.mark.parametrize("error", [torch.OutOfMemoryError("CUDA out of memory"), MemoryError()])
def test_memory_that_runs_out_outside_the_walk(
    when: str, error: Exception, picture: Path, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    kind, name, words = SHORT[when]

    def full(*_: object, **__: object) -> None:
        raise error

    monkeypatch.setattr(kind, name, full)
    said = edit(picture, folder)
    refused(said, picture, words)
    assert "; choose " in said.err and said.err.endswith("a model for smaller pictures.\n")


@pytest.mark.parametrize("more", [("--dry-run",), BOUND])
def test_memory_that_runs_out_in_a_look_at_the_model(
    more: tuple[str, ...], picture: Path, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(x: Tensor, real: object) -> Tensor:
        raise MemoryError

    answering(monkeypatch, full)
    refused(edit(picture, folder, *more), picture, "ran out in a look at the model; choose")


def test_offload_beside_the_cpu_is_refused(picture: Path, folder: Path) -> None:
    said = edit(picture, folder, "--device", "cpu", "--offload")
    refused(
        said, picture, "The device cpu works in the memory of the CPU, so that offload would save nothing"
    )


def test_a_recipe_repeats_offload(picture: Path, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    moves, real = list[int](), offload.Ferry.bring

    def bring(ferry: offload.Ferry, *parts: torch.nn.Module) -> None:
        moves.append(len(parts))
        real(ferry, *parts)

    out = picture.with_name("out.png")
    with monkeypatch.context() as patched:
        patched.setattr(offload, "SAME_MEMORY", frozenset[str]())
        patched.setattr(offload.Ferry, "bring", bring)
        assert edit(picture, folder, "--device", "cpu", "--offload").code == 0
        assert moves and overpaint("show", out, "--json").figures["environment"]["offload"] is True
        assert "1 thread, parts waiting on the CPU" in overpaint("show", out).out
        moves.clear()
        again = overpaint("rerun", out, "--json")
        assert again.figures["same"] is True and moves
        moves.clear()
        plain = edit(picture, folder, "--overwrite")
        assert plain.code == 0 and not moves
        assert "waiting" not in overpaint("show", out).out
        once_more = overpaint("rerun", out, "--offload", "--json", "--overwrite")
        assert once_more.figures["same"] is True and moves
        assert load_picture(out).rgb.tolist() == load_picture(picture.with_name("out-rerun.png")).rgb.tolist()
    unload()  # it was loaded where that saved something
    refused_again = overpaint("rerun", picture.with_name("out-rerun.png"))
    assert refused_again.code == 2 and "offload would save nothing" in refused_again.err


def test_numbers_that_are_none(picture: Path, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def bad(x: Tensor, real: object) -> Tensor:
        return torch.full_like(x, math.nan)

    answering(monkeypatch, bad)
    refused(
        edit(picture, folder, "--no-look"),
        picture,
        "stopped being numbers at step 2 of 2: the network itself",
    )
    assert not list((picture.parent / "cache").rglob("*.safetensors"))


@pytest.mark.parametrize("number, words", [(errno.ENOSPC, "No space left"), (errno.EROFS, "Read-only file")])
def test_a_disk_that_refuses(
    number: int, words: str, picture: Path, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(_: int) -> None:
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(os, "fsync", refuse)
    refused(edit(picture, folder, "--no-cache", "--no-look"), picture, words)
    said = edit(picture, folder)
    assert said.code == 2 and said.err.count("Inversions cannot be kept") == 1
