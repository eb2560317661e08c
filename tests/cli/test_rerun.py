from pathlib import Path

import numpy as np
import pytest
from tests.cli.kit import SOURCE, TARGET, overpaint, save_folder

from overpaint.images import load_picture


@pytest.fixture
def edited(picture: Path, folder: Path) -> Path:
    prompts = ("--source", SOURCE, "--target", TARGET)
    said = overpaint("edit", picture, *prompts, "--model", folder, "--steps", "2", "--seed", "3")
    assert said.code == 0
    return picture.with_name("cat-edited.png")


def test_a_rerun_is_equal_bit_for_bit_without_the_source_file(edited: Path) -> None:
    (edited.parent / "cat.png").unlink()
    said = overpaint("rerun", edited)
    again = edited.with_name("cat-edited-rerun.png")
    assert said.code == 0
    assert "bit for bit" in said.out
    assert again.read_bytes() == edited.read_bytes()
    assert overpaint("rerun", edited, "--json", "--overwrite").figures["same"] is True


def test_another_model_is_said_in_words(edited: Path, tmp_path: Path) -> None:
    import torch
    from safetensors.torch import load_file, save_file  # pyright: ignore[reportUnknownVariableType]

    other = save_folder(tmp_path / "other")
    (weights,) = (other / "unet").glob("*.safetensors")
    tensors = load_file(weights)
    save_file(
        {name: value + 0.05 * torch.sign(value) for name, value in tensors.items()}, weights, {"format": "pt"}
    )
    said = overpaint("rerun", edited, "--model", other, "-o", tmp_path / "x.png")
    assert said.code == 0
    assert "Warning: The weights of the model are not those the recipe was made with." in said.err
    assert not np.array_equal(load_picture(tmp_path / "x.png").rgb, load_picture(edited).rgb)


@pytest.mark.parametrize("flag", ["--lora", "--embedding", "--prediction", "--tokenizer"])
def test_nothing_is_added_to_the_model_of_a_recipe(flag: str, edited: Path) -> None:
    said = overpaint("rerun", edited, flag, "v")
    assert (said.code, said.out, said.err.count("\n")) == (2, "", 1)
    assert f"leave out {flag}, or name a model with --model" in said.err
    assert not edited.with_name("cat-edited-rerun.png").exists()


def test_a_model_that_is_named_may_be_added_to(edited: Path, folder: Path) -> None:
    said = overpaint("rerun", edited, "--model", folder, "--lora", edited.parent / "no-lora.safetensors")
    assert said.code == 2 and "no-lora.safetensors" in said.err and "leave out" not in said.err
    said = overpaint("rerun", edited, "--model", folder, "--prediction", "v", "--json")
    assert said.code == 0 and said.figures["same"] is False


def test_cite_prints_bibtex(edited: Path) -> None:
    said = overpaint("cite", edited)
    assert (said.code, said.err) == (0, "")
    keys = [line.partition("{")[2].rstrip(",") for line in said.out.splitlines() if line.startswith("@")]
    assert keys == ["hertz2023prompt", "ju2024pnp", "song2021ddim", "dhariwal2021diffusion", "rombach2022ldm"]
