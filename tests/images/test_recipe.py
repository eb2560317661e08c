import base64
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from pydantic import ValidationError
from tests.images.kit import SRGB

from overpaint import __version__
from overpaint.errors import UsageError
from overpaint.images import Info, Picture, encode_png, load_picture, pixels_hash, save_picture
from overpaint.images.recipe import (
    EMBED,
    KEY,
    VERSION,
    Environment,
    ModelRecord,
    Recipe,
    SourceRecord,
    parse_recipe,
    read_recipe,
    save_with_recipe,
    trusted_recipe,
)


def noise(side: int, seed: int = 0) -> Picture:
    return Picture(np.random.default_rng(seed).integers(0, 256, (side, side, 3), dtype=np.uint8))


def recipe(**changes: Any) -> Recipe:
    fields: dict[str, Any] = {
        "method": "p2p",
        "options": {"steps": 50, "guidance": 7.5, "inversion": {"kind": "direct"}, "blend": None},
        "request": {"source": "a cat", "target": "a dög", "seed": 7, "reweight": {"dog": 2.0}},
        "model": ModelRecord(name="still-life", hash="abc"),
        "environment": Environment.now(),
        "source": SourceRecord.of(noise(16)),
    }
    return Recipe(**fields | changes)


def refusal(picture: Picture) -> str:
    with pytest.raises(UsageError) as caught:
        parse_recipe(picture, "out.png")
    assert str(caught.value).endswith(".") and "out.png" in str(caught.value)
    return str(caught.value)


def carrying(text: str) -> Picture:
    return Picture(noise(4).rgb, info=Info("PNG", {KEY: text}))


def test_a_recipe_survives_its_picture(tmp_path: Path) -> None:
    path = save_with_recipe(noise(8), tmp_path / "out.png", recipe())
    assert path == tmp_path / "out.png"
    assert read_recipe(path) == recipe(output=pixels_hash(noise(8)))


def test_the_same_recipe_gives_the_same_file(tmp_path: Path) -> None:
    for name in ("a.png", "b.png"):
        save_with_recipe(noise(8), tmp_path / name, recipe())
    assert (tmp_path / "a.png").read_bytes() == (tmp_path / "b.png").read_bytes()


def test_existing_files_are_kept(tmp_path: Path) -> None:
    path = save_picture(noise(8), tmp_path / "out.png")
    with pytest.raises(UsageError, match="exists already"):
        save_with_recipe(noise(8), path, recipe())
    save_with_recipe(noise(8), path, recipe(), overwrite=True)
    assert read_recipe(path).method == "p2p"


def test_recipes_are_frozen() -> None:
    with pytest.raises(ValidationError):
        recipe().method = "other"  # pyright: ignore[reportAttributeAccessIssue]


def test_a_picture_without_a_recipe() -> None:
    assert "no recipe" in refusal(noise(4))


@pytest.mark.parametrize(
    "text", ["", "{", "[]", "null", '{"version": 1}', '{"version": 0}', '{"version": "x"}', "{}"]
)
def test_a_damaged_recipe(text: str) -> None:
    assert "damaged" in refusal(carrying(text))


def test_a_newer_recipe_is_named_as_such_whatever_it_holds() -> None:
    sentence = refusal(carrying(json.dumps({"version": VERSION + 1, "method": ["other"]})))
    assert "newer" in sentence and "update" in sentence


def test_unknown_fields_of_the_same_layout_are_ignored() -> None:
    data = recipe().model_dump(mode="json") | {"mood": "sunny"}
    assert parse_recipe(carrying(json.dumps(data)), "out.png") == recipe()


def test_a_recipe_is_trusted_only_with_its_pixels(tmp_path: Path) -> None:
    picture = load_picture(save_with_recipe(noise(8), tmp_path / "out.png", recipe()))
    changed = Picture(255 - picture.rgb, info=picture.info)
    assert trusted_recipe(picture) == recipe(output=pixels_hash(noise(8)))
    assert trusted_recipe(changed) is None
    assert trusted_recipe(noise(8)) is None
    assert trusted_recipe(carrying("{")) is None


def test_a_small_source_travels_inside(tmp_path: Path) -> None:
    source = Picture(
        noise(16).rgb, np.full((16, 16), 7, np.uint8), Info("PNG", {KEY: "old"}, SRGB, {"Artist": "me"})
    )
    record = SourceRecord.of(source, tmp_path / "gone.png")
    opened = record.open()
    assert record.path is None
    assert pixels_hash(opened) == pixels_hash(source) == record.pixels
    assert opened.info == Info("PNG", {}, SRGB, {"Artist": "me"})


def test_a_large_source_is_named_by_its_path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    large = noise(320)
    assert len(encode_png(large)) > EMBED
    monkeypatch.chdir(tmp_path)
    save_picture(large, "large.png")
    record = SourceRecord.of(large, "large.png")
    monkeypatch.chdir("/")
    assert record.png is None and record.path == str(tmp_path / "large.png")
    assert pixels_hash(record.open()) == record.pixels


def test_a_source_that_changed_or_went_is_one_sentence(tmp_path: Path) -> None:
    path = save_picture(noise(320), tmp_path / "large.png")
    record = SourceRecord.of(noise(320), path)
    save_picture(noise(320, seed=1), path, overwrite=True)
    with pytest.raises(UsageError, match=r"not the one .*\.$"):
        record.open()
    path.unlink()
    with pytest.raises(UsageError, match="no file"):
        record.open()
    with pytest.raises(UsageError, match="no source picture"):
        SourceRecord.of(noise(320)).open()


@pytest.mark.parametrize("png", ["???", base64.b64encode(b"no picture").decode(), ""])
def test_a_damaged_source_inside_is_one_sentence(png: str) -> None:
    with pytest.raises(UsageError, match=r"inside the recipe .*\.$"):
        SourceRecord(pixels="", png=png).open()


def test_the_environment_is_that_of_the_process() -> None:
    here = Environment.now("cuda", "bfloat16")
    assert here.versions["torch"] == torch.__version__ and here.versions["overpaint"] == __version__
    assert here.threads == torch.get_num_threads()
    assert (here.device, here.dtype) == ("cuda", "bfloat16")
