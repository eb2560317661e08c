"""``--control`` and ``--control-out``."""

import shutil
from pathlib import Path

import pytest
from tests.cli.kit import SOURCE, overpaint
from tests.cli.test_edit import edit
from tests.kit import shared
from tests.sides import kit

from overpaint.images import load_picture
from overpaint.images.recipe import read_recipe
from overpaint.sides.tiny import tiny_controlnet


@pytest.fixture(scope="module")
def net(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return kit.folder(tmp_path_factory.mktemp("nets") / "canny", tiny_controlnet(shared()))


def test_it_speaks_is_recorded_shown_and_made_again(picture: Path, folder: Path, net: Path) -> None:
    out, seen, again = (picture.with_name(name) for name in ("edit.png", "edges.png", "again.png"))
    said = edit(picture, folder, "--control", f"{net}=auto:0.8@0-0.9", "--control-out", seen, "-o", out)
    assert said.code == 0 and "in side networks" in said.out
    assert load_picture(seen).size == load_picture(picture).size
    (control,) = read_recipe(out).controls
    assert control.options["picture"] == "canny" and control.options["scale"] == 0.8
    shown = overpaint("show", out).out
    assert f"beside      {net} looking at canny at 0.8 from 0 to 0.9" in shown and "not here" not in shown
    assert overpaint("rerun", out, "-o", again).code == 0
    assert read_recipe(again).output == read_recipe(out).output


def test_one_that_has_gone_is_said(picture: Path, folder: Path, net: Path, tmp_path: Path) -> None:
    own, out = shutil.copytree(net, tmp_path / "own_canny"), tmp_path / "edit.png"
    assert edit(picture, folder, "--control", f"{own},mid", "-o", out).code == 0
    shutil.rmtree(own)
    shown, again = overpaint("show", out).out, overpaint("rerun", out)
    assert f"The side network {own} is not here." in shown and "only_mid = " in shown
    assert again.code == 2 and "There is no side network" in again.err


def test_several(picture: Path, folder: Path, net: Path) -> None:
    said = edit(
        picture, folder, "--control", net, "--control", f"{net}=sobel:0.5", "--json", "--method", "sdedit"
    )
    assert said.code == 0 and said.figures["figures"]["sides"] == 2 * said.figures["figures"]["rows"]


def test_a_condition_to_write_must_be_one(picture: Path, folder: Path, net: Path) -> None:
    seen = picture.with_name("edges.png")
    none = edit(picture, folder, "--control-out", seen)
    two = edit(picture, folder, "--control", net, "--control", net, "--control-out", seen)
    assert none.code == two.code == 2 and "there are none" in none.err and "there are 2" in two.err
    assert not seen.exists()


def test_there_and_back_writes_the_return_trip_and_its_error(picture: Path, folder: Path) -> None:
    way = ("--method", "cyclenet", "--net", "fresh", "--strength", "0.6", "--there-and-back")
    said = edit(picture, folder, *way, "--json")
    back = picture.with_name("cat-edited-return.png")
    assert said.figures["layer-return"] == str(back)
    assert load_picture(back).size == load_picture(picture).size
    (error,) = said.figures["scores"]["return error"]
    again = edit(picture, folder, *way, "--overwrite")
    assert f"Return error: {error:.3g}" in again.out and f"Wrote {back}" in again.out


def test_text_to_image(picture: Path, folder: Path, net: Path) -> None:
    out = picture.with_name("made.png")
    said = overpaint(
        "generate", SOURCE, "--model", folder, "--steps", "2", "--control", f"{net}={picture}", "-o", out
    )
    assert said.code == 0 and "4 in side networks" in said.out


def test_a_side_network_given_as_a_model(picture: Path, net: Path) -> None:
    said = edit(picture, net)
    assert said.code == 2 and "is a ControlNet, which is given by --control beside a model" in said.err


def test_its_cost_is_told_beforehand(picture: Path, folder: Path, net: Path) -> None:
    said = edit(picture, folder, "--control", net, "--dry-run")
    assert said.code == 0 and "Rows through side networks: 0 to" in said.out
