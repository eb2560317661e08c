"""What is on the shelves, told without loading anything."""

import os
from pathlib import Path

import pytest
import torch
from tests import original
from tests.cli.kit import save_folder
from tests.families.test_hub import cached

from overpaint.errors import UsageError
from overpaint.families.concept import KOHYA
from overpaint.families.listing import Found, licence_of, listed
from overpaint.families.locate import SHIPPED
from overpaint.families.tiny import tiny


@pytest.fixture(autouse=True)
def alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HF_HUB_CACHE", str(tmp_path / "hub"))
    monkeypatch.delenv("OVERPAINT_MODELS", raising=False)


def shelf(folder: Path) -> dict[str, Found]:
    return {one.name: one for one in listed([folder])}


def test_everything_in_a_folder_is_named_for_what_it_is(tmp_path: Path) -> None:
    shelf_ = tmp_path / "shelf"
    home = save_folder(shelf_ / "deep" / "model")
    (home / "README.md").write_text("---\nlicense: creativeml-openrail-m\ntags: []\n---\n# A model\n")
    one = torch.ones(1)
    for shape in ("sd1", "sdxl"):
        original.save(shelf_ / f"{shape}.safetensors", original.weights_of(tiny(shape)))
    original.save(shelf_ / "style.safetensors", {"lora_unet_x.lora_down.weight": one}, {"license": "mit"})
    original.save(shelf_ / "hada.safetensors", {"lora_unet_x.hada_w1_a": one})
    original.save(shelf_ / "kron.safetensors", {"lora_unet_x.lokr_w1": one})
    original.save(shelf_ / "cat.safetensors", {"emb_params": one})
    original.save(shelf_ / "pot.safetensors", {name: one for name in KOHYA})
    original.save(shelf_ / "vae.safetensors", {"decoder.x": one})
    (shelf_ / "cut.safetensors").write_bytes(b"\0" * 4)
    (shelf_ / "old.ckpt").write_bytes(b"\x80\x02")
    (shelf_ / "notes.txt").write_text("no model")
    (shelf_ / "loop").symlink_to(shelf_)
    found = shelf(shelf_)
    kinds = {name: (one.kind, one.family) for name, one in found.items()}
    assert kinds == {
        "still-life": ("model", "sd1"),
        "still-life-inpaint": ("model", "sd1-inpaint"),
        "still-life-spatext": ("model", "sd1-spatext"),
        "model": ("model", "sd1"),
        "sd1": ("model", "sd1"),
        "sdxl": ("model", "sdxl"),
        "style": ("lora", ""),
        "hada": ("lora", ""),
        "kron": ("lora", ""),
        "cat": ("embedding", ""),
        "pot": ("embedding", ""),
        "vae": ("other", ""),
        "cut": ("other", "damaged"),
        "old": ("pickle", ""),
    }
    assert found["model"].licence == "creativeml-openrail-m"
    assert found["style"].licence == "mit"
    weights = [file.stat().st_size for file in home.rglob("*.safetensors")]
    assert found["model"].size == sum(weights) > 0
    assert found["model"].path == home


def test_the_cache_of_the_hub_and_the_shelves_are_looked_through(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    home = cached(tmp_path / "hub", save_folder(tmp_path / "shelf" / "model"))
    monkeypatch.setenv("OVERPAINT_MODELS", str(tmp_path / "shelf"))
    found = {one.name: one for one in listed()}
    assert set(found) == {*SHIPPED, "owner/tiny", "model"}
    assert found["owner/tiny"].path == home
    assert found["owner/tiny"].size == found["model"].size


def test_a_folder_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="There is no folder"):
        list(listed([tmp_path / "none"]))


@pytest.mark.parametrize(
    ("card", "licence"),
    [
        ("---\nlicense: other\nlicense_name: stability-ai\n---\n", "stability-ai"),
        ("---\r\nlicense:  mit  \r\n---\r\n", "mit"),
        ("# license: mit\n", ""),
        ("---\nlicense:\n---\n", ""),
        ("", ""),
    ],
)
def test_licences(tmp_path: Path, card: str, licence: str) -> None:
    (tmp_path / "README.md").write_bytes(card.encode())
    assert licence_of(tmp_path) == licence


def test_pipes_are_not_waited_for(tmp_path: Path) -> None:
    for file in (tmp_path / "a" / "unet" / "config.json", tmp_path / "b" / "README.md"):
        file.parent.mkdir(parents=True)
        os.mkfifo(file)
    (tmp_path / "b" / "unet").mkdir()
    (tmp_path / "b" / "unet" / "config.json").write_text("{}")
    assert "a" not in shelf(tmp_path)
    assert shelf(tmp_path)["b"].licence == ""
