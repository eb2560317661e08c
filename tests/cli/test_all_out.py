"""Results beside the best one, and layers, as files: what they are called, and when there can be none."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tests.cli.kit import overpaint, save_picture

from overpaint.cli.several import layers_places, results_places
from overpaint.families.clip import ClipEye
from overpaint.families.tiny import tiny_eye
from overpaint.images import load_picture
from overpaint.images.recipe import read_recipe

DRAWN: list[str | Path] = [
    "--method",
    "blended-latent",
    "--target",
    "a dog",
    "--steps",
    "2",
    "--samples",
    "3",
]


@pytest.fixture
def asked(folder: Path, picture: Path, tmp_path: Path) -> list[str | Path]:
    mask = save_picture(tmp_path / "mask.png")
    return ["edit", picture, "--model", folder, "--mask", mask, "-o", tmp_path / "out.png"]


def test_names_of_files_say_what_they_hold() -> None:
    named = results_places(Path("x/a.webp"), 2)
    assert [str(place) for place in named] == ["x/a-1.webp", "x/a-2.webp"]
    assert layers_places(Path("a.png"), {"layer"}) == {"layer": Path("a.png")}
    both = layers_places(Path("a.png"), {"snow", "fog"})
    assert both == {"fog": Path("a-fog.png"), "snow": Path("a-snow.png")}


def test_every_result_is_written_and_made_again_from_its_own_recipe(
    asked: list[str | Path], tmp_path: Path
) -> None:
    said = overpaint(*asked, *DRAWN, "--all-out", tmp_path / "each.png", "--json")
    assert said.code == 0, said.err
    names = [f"each-{k}.png" for k in (1, 2, 3)]
    assert [Path(said.figures[f"result-{k}"]).name for k in (1, 2, 3)] == names
    pixels = [load_picture(tmp_path / name).rgb for name in ("out.png", *names)]
    assert np.array_equal(pixels[0], pixels[1])
    assert not np.array_equal(pixels[1], pixels[2]) and not np.array_equal(pixels[2], pixels[3])
    assert [read_recipe(tmp_path / name).result for name in names] == [1, 2, 3]
    again = overpaint("rerun", tmp_path / names[2], "-o", tmp_path / "again.png")
    assert again.code == 0 and "bit for bit" in again.out
    assert np.array_equal(load_picture(tmp_path / "again.png").rgb, pixels[3])
    assert read_recipe(tmp_path / "again.png").result == 3


def test_nothing_is_overwritten_unasked(asked: list[str | Path], tmp_path: Path) -> None:
    (tmp_path / "each-2.png").write_bytes(b"mine")
    refused = overpaint(*asked, *DRAWN, "--all-out", tmp_path / "each.png")
    assert refused.code == 2 and "each-2.png exists already" in refused.err
    assert not (tmp_path / "out.png").exists() and not (tmp_path / "each-1.png").exists()
    fresh = overpaint(*asked, *DRAWN, "--all-out", tmp_path / "each.png", "--fresh-name")
    assert fresh.code == 0, fresh.err
    assert (tmp_path / "each-2.png").read_bytes() == b"mine" and (tmp_path / "each-2-2.png").exists()


def test_where_there_is_one_result_or_no_layer_that_is_said_before_any_work(
    asked: list[str | Path], tmp_path: Path
) -> None:
    one = [word if word != "3" else "1" for word in DRAWN]
    alone = overpaint(*asked, *one, "--all-out", tmp_path / "each.png")
    assert alone.code == 2 and "gives one result" in alone.err
    bare = overpaint(*asked, *DRAWN, "--layers-out", tmp_path / "layer.png")
    assert bare.code == 2 and "makes no layers" in bare.err and "text2live" in bare.err
    same = overpaint(*asked, *DRAWN, "--all-out", tmp_path / "out.png", "--mask-out", tmp_path / "out-2.png")
    assert same.code == 2 and "same name" in same.err
    assert not (tmp_path / "out.png").exists()


def test_a_layer_is_written_with_its_opacity(
    folder: Path, picture: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def seen(*args: Any, **named: Any) -> ClipEye:
        return tiny_eye()

    monkeypatch.setattr("overpaint.run.loading.named", seen)
    asked: list[str | Path] = ["edit", picture, "--model", folder, "--method", "text2live"]
    asked += ["--source", "a cat", "--target", "a dog", "--learning.updates", "2", "--learning.views", "2"]
    asked += ["--learning.channels", "4", "--learning.clip", "any", "-o", tmp_path / "out.png"]
    flat = overpaint(*asked, "--layers-out", tmp_path / "layer.jpg")
    assert flat.code == 2 and "no transparency" in flat.err
    said = overpaint(*asked, "--layers-out", tmp_path / "layer.png")
    assert said.code == 0, said.err
    assert f"Wrote {tmp_path / 'layer.png'}" in said.out
    layer, made, source = (load_picture(tmp_path / name) for name in ("layer.png", "out.png", "cat.png"))
    assert layer.alpha is not None and layer.alpha.min() > 0
    share = layer.alpha[..., None].astype(float) / 255
    laid = share * layer.rgb + (1 - share) * source.rgb
    assert float(np.abs(laid - made.rgb).max()) <= 2
