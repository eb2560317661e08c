"""The commands that list, check and convert models, and the options that load them."""

import json
import shutil
from pathlib import Path

import pytest
import torch
from tests import original
from tests.cli.kit import overpaint
from tests.kit import draw

from overpaint.families.locate import SHIPPED
from overpaint.images.recipe import read_recipe

QUERY = "unet.down_blocks.0.attentions.0.transformer_blocks.0.attn1.to_q"


@pytest.fixture(autouse=True)
def alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HF_HUB_CACHE", str(tmp_path / "hub"))
    monkeypatch.delenv("OVERPAINT_MODELS", raising=False)


def test_the_list(folder: Path) -> None:
    said = overpaint("models", "--in", folder)
    assert said.code == 0
    assert [line.split()[:3] for line in said.out.splitlines()] == [
        ["name", "kind", "family"],
        ["still-life", "model", "sd1"],
        ["still-life-inpaint", "model", "sd1-inpaint"],
        ["still-life-spatext", "model", "sd1-spatext"],
        ["tiny", "model", "sd1"],
    ]
    found = json.loads(overpaint("models", "--json", "--in", folder).out)
    assert [one["name"] for one in found] == [*SHIPPED, "tiny"]
    assert found[3]["path"] == str(folder) and found[2]["size"] > 0


def test_a_check_ends_with_1_where_something_is_wrong(tmp_path: Path) -> None:
    home = shutil.copytree(SHIPPED["still-life"], tmp_path / "model")
    said = overpaint("models", "check", home, "--no-trial")
    assert (said.code, said.out) == (0, f"Nothing is wrong with {home}.\n")
    shutil.rmtree(Path(home) / "vae")
    said = overpaint("models", "check", home)
    assert said.code == 1
    assert "lacks vae/config.json" in said.out
    assert json.loads(overpaint("models", "check", home, "--json").out)["problems"] == [said.out.strip()]


def test_a_check_of_a_pickle_names_the_way_out(tmp_path: Path) -> None:
    (tmp_path / "x.ckpt").write_bytes(b"\x80\x02")
    said = overpaint("models", "check", tmp_path / "x.ckpt")
    assert said.code == 1 and "overpaint convert" in said.out
    said = overpaint("models", "check", tmp_path / "none")
    assert said.code == 2 and "There is no model" in said.err


@pytest.mark.parametrize("name", ["none", "cat.png", "notes.txt", "lora.safetensors", "empty", "adapter"])
def test_a_check_of_what_is_no_model_ends_as_one_of_what_is_missing(
    name: str, tmp_path: Path, picture: Path
) -> None:
    """One sentence on the error stream, exit code 2."""
    (tmp_path / "notes.txt").write_text("no model")
    original.save(tmp_path / "lora.safetensors", {f"{QUERY}.lora_A.weight": torch.ones(2, 2)})
    for folder in ("empty", "adapter"):
        (tmp_path / folder).mkdir()
    (tmp_path / "adapter" / "adapter_config.json").write_text("{}")
    said = overpaint("models", "check", tmp_path / name)
    assert (said.code, said.out, said.err.count("\n")) == (2, "", 1)
    assert name in said.err


def test_convert(tmp_path: Path) -> None:
    torch.save({"state_dict": {"a": torch.ones(2)}, "epoch": 1}, tmp_path / "x.ckpt")
    said = overpaint("convert", tmp_path / "x.ckpt")
    assert said.code == 0, said.err
    assert (
        said.out == f"Wrote {tmp_path / 'x.safetensors'} with 1 tensors\nLeft out, being no tensors: epoch\n"
    )
    said = overpaint("convert", tmp_path / "x.ckpt", "-o", tmp_path / "x.txt")
    assert said.code == 2 and "choose a name ending so" in said.err


def test_a_lora_and_a_word_are_in_the_recipe_and_in_the_rerun(folder: Path, tmp_path: Path) -> None:
    lora = original.save(
        tmp_path / "l.safetensors",
        {f"{QUERY}.lora_B.weight": draw(8, 2), f"{QUERY}.lora_A.weight": draw(2, 8, seed=2)},
    )
    word = original.save(tmp_path / "w.safetensors", {"emb_params": draw(2, 24)})
    plain, changed, again = (tmp_path / f"{name}.png" for name in ("plain", "changed", "again"))
    ask = ("generate", "a zebra", "--model", folder, "--device", "cpu", "--steps", "2", "-o")
    assert overpaint(*ask, plain).code == 0
    said = overpaint(*ask, changed, "--lora", f"{lora}:0.8", "--embedding", f"{word}:zebra")
    assert said.code == 0, said.err
    told, before = read_recipe(changed), read_recipe(plain)
    assert [(one.file, one.scale) for one in told.model.origin.loras] == [(str(lora), 0.8)]
    assert [(one.file, one.token) for one in told.model.origin.embeddings] == [(str(word), "zebra")]
    assert told.model.hash != before.model.hash and told.output != before.output
    said = overpaint("rerun", changed, "-o", again)
    assert said.code == 0 and "bit for bit" in said.out, said.err
    assert read_recipe(again).output == told.output
    original.save(lora, {f"{QUERY}.lora_B.weight": draw(8, 2), f"{QUERY}.lora_A.weight": draw(2, 8, seed=3)})
    said = overpaint("rerun", changed, "-o", again, "--overwrite")
    assert "The weights of the model are not those the recipe was made with." in said.err


@pytest.mark.parametrize(
    ("options", "says"),
    [
        (("--lora", "none.safetensors"), "There is no file"),
        (("--lora", "none.safetensors:strong"), "is not a strength"),
        (("--embedding", "none.safetensors"), "There is no file"),
        (("--prediction", "flow"), "write epsilon or v"),
        (("--tokenizer", "here"), "has its own tokenizer"),
    ],
)
def test_options_that_cannot_be(folder: Path, tmp_path: Path, options: tuple[str, str], says: str) -> None:
    out = tmp_path / "x.png"
    said = overpaint("generate", "a cat", "--model", folder, "-o", out, *options)
    assert said.code == 2 and says in said.err
    assert len(said.err.strip().splitlines()) == 1 and not out.exists()


def drawn(folder: Path, out: Path, *more: str | Path) -> list[str]:
    """What is said of a picture that is drawn."""
    ask = ("generate", "a zebra", "--model", folder, "--device", "cpu", "--steps", "2", "-o", out, "--json")
    said = overpaint(*ask, *more)
    assert said.code == 0, said.err
    return said.figures["warnings"]


def test_a_lora_that_touches_nothing_is_said(folder: Path, tmp_path: Path) -> None:
    parts = {f"{QUERY}.lora_B.weight": draw(8, 2), f"{QUERY}.lora_A.weight": draw(2, 8, seed=2)}
    lora = original.save(tmp_path / "l.safetensors", parts)
    zero = original.save(tmp_path / "z.safetensors", {k: torch.zeros_like(v) for k, v in parts.items()})
    out = tmp_path / "x.png"
    assert drawn(folder, out, "--lora", f"{lora}:0") == [
        f"The LoRA {lora} has the strength 0 and changes nothing."
    ]
    (words,) = drawn(folder, tmp_path / "y.png", "--lora", zero)
    assert words == f"The LoRA {zero} changes nothing: what it adds is zero, or lost in rounding."
    assert read_recipe(out).output == read_recipe(tmp_path / "y.png").output


def test_taught_words_that_stand_in_no_prompt_are_said(folder: Path, tmp_path: Path) -> None:
    word = original.save(tmp_path / "w.safetensors", {"emb_params": draw(2, 24)})
    out = [tmp_path / f"{k}.png" for k in range(3)]
    assert drawn(folder, out[0], "--embedding", f"{word}:zebra") == []
    assert drawn(folder, out[1], "--embedding", f"{word}:my-cat") == [
        "The taught word 'my-cat' stands in no prompt and changes nothing."
    ]
    assert drawn(folder, out[2]) == []
    one, two, three = (read_recipe(path).output for path in out)
    assert two == three != one
