import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
from tests.cli.kit import SOURCE, TARGET, Said, overpaint, save_picture, save_still_life

from overpaint import images
from overpaint.cli.answer import SCENE, drawn, scene_of
from overpaint.images import load_picture
from overpaint.images.recipe import read_recipe
from overpaint.inversions import DDIM
from overpaint.stilllife.edits import pairs
from overpaint.stilllife.scene import to_json


def edit(picture: Path, folder: Path, *more: str | Path) -> Said:
    prompts = ("--source", SOURCE, "--target", TARGET)
    return overpaint("edit", picture, *prompts, "--model", folder, "--steps", "2", *more)


def test_an_edit_is_written_beside_the_picture(picture: Path, folder: Path) -> None:
    said = edit(picture, folder)
    out = picture.with_name("cat-edited.png")
    assert said.code == 0
    assert f"Wrote {out}" in said.out
    assert "8 rows in 4 network calls" in said.out
    assert "Reconstruction" in said.out
    assert load_picture(out).size == (32, 32)
    recipe = read_recipe(out)
    assert (recipe.options["steps"], recipe.model.name) == (2, str(folder))


def test_a_poor_inversion_is_said_in_words(picture: Path, folder: Path) -> None:
    said = edit(picture, folder)
    assert "Reconstruction" in said.out and "poor" in said.out
    assert "Warning: The inversion reconstructs the picture poorly" in said.err


def test_a_quality_that_is_not_measured_is_said_in_words(picture: Path, folder: Path) -> None:
    said = edit(picture, folder, "--method", "ddim")
    assert "by its inversion: not measured. This method does not walk the source back; 'overp" in said.out
    figures = edit(picture, folder, "--method", "ddim", "--json", "--overwrite").figures["figures"]
    assert figures["quality"] == "not measured" and "overpaint invert" in figures["reconstruction"]


def test_figures_for_programs(picture: Path, folder: Path, tmp_path: Path) -> None:
    said = edit(picture, folder, "--json", "-o", tmp_path / "x.png", "--seed", "4", "--reweight", "dog=2")
    figures = said.figures
    assert figures["output"] == str(tmp_path / "x.png")
    assert figures["figures"]["rows"] == 8
    assert figures["options"]["reweight"] == {"dog": 2.0}
    framing = {"fit": "pad", "alpha": "keep", "background": "white", "feather": 0, "context": None}
    framing |= {"grow": 0, "extend": ""}
    said_of: dict[str, object] = {"source": SOURCE, "target": TARGET, "also": [], "regions": []}
    assert figures["request"] == {**said_of, "seed": 4, **framing}
    assert figures["figures"]["quality"] == "poor"
    assert [one.split()[1] for one in figures["warnings"]] == ["model's", "seed", "inversion"]


def test_repeated_and_nested_options(picture: Path, folder: Path) -> None:
    words = ("--reweight", "dog=2", "--reweight", "photo=0.5", "--cross-replace", "0.2:0.6")
    said = edit(
        picture, folder, "--json", *words, "--inversion", "null-text", "--inversion.inner", "1", "--official"
    )
    options = said.figures["options"]
    assert options["reweight"] == {"dog": 2.0, "photo": 0.5}
    assert options["cross_replace"] == [0.2, 0.6]
    assert options["inversion"]["inner"] == 1
    assert options["official"] is True
    assert said.figures["figures"]["backwards"] > 0


def test_a_second_edit_finds_the_inversion(picture: Path, folder: Path) -> None:
    first = edit(picture, folder, "--json").figures["figures"]
    second = edit(picture, folder, "--json", "--overwrite", "--guidance", "3").figures["figures"]
    third = edit(picture, folder, "--json", "--overwrite", "--no-cache").figures["figures"]
    assert [first["rows"], second["rows"], third["rows"]] == [8, 6, 8]


def test_maps_are_watched_on_the_way_back_and_leave_the_kept_inversion_alone(
    picture: Path, folder: Path, tmp_path: Path
) -> None:
    maps = ("--json", "--overwrite", "--maps", tmp_path / "maps.png")
    assert [edit(picture, folder, *maps).figures["figures"]["rows"] for _ in range(2)] == [8, 6]


def test_maps_strip_and_preview_are_written(picture: Path, folder: Path, tmp_path: Path) -> None:
    places = [tmp_path / f"{name}.png" for name in ("maps", "strip", "preview")]
    said = edit(picture, folder, "--maps", places[0], "--strip", places[1], "--preview", places[2])
    assert said.code == 0
    maps, strip, preview = (load_picture(place).size for place in places)
    assert maps[1] > 4 * maps[0] / 2  # five cells: the picture and four words
    assert strip[1] > 1.5 * strip[0]  # source and edit; what the answer is, nobody knows
    assert preview == (32, 32)


def test_the_mask_that_was_found_is_written_and_can_be_given_back(
    picture: Path, folder: Path, tmp_path: Path
) -> None:
    out, mask = ("--json", "--overwrite", "-o", tmp_path / "x.png"), tmp_path / "mask.png"
    finding = ("--method", "diffedit", "--contrast.clamp", "2", "--contrast.samples", "2", *out)
    said = edit(picture, folder, *finding, "--mask-out", mask)
    assert said.figures["mask"] == str(mask)
    found = load_picture(mask).rgb
    assert found.shape == load_picture(picture).rgb.shape
    assert set(np.unique(found)) == {0, 255}
    edit(picture, folder, "--method", "diffedit", "--no-find", "--mask", mask, "--mask-out", mask, *out)
    assert np.array_equal(load_picture(mask).rgb, found)


def test_a_mask_that_is_not_found_is_not_written(picture: Path, folder: Path, tmp_path: Path) -> None:
    mask = tmp_path / "mask.png"
    said = edit(picture, folder, "--mask-out", mask)
    assert said.code == 2 and "the method 'p2p' finds no mask" in said.err and "diffedit" in said.err
    assert not mask.exists()
    assert edit(picture, folder, "--blend", "cat=>dog", "--mask-out", mask).code == 0
    assert mask.exists()


def test_a_dry_run_writes_nothing(picture: Path, folder: Path, tmp_path: Path) -> None:
    before = {p for p in tmp_path.iterdir() if p.name != "cache"}
    said = edit(picture, folder, "--dry-run", "--maps", tmp_path / "maps.png")
    assert "Rows through the network: 8" in said.out
    assert "Time: about" in said.out and "Memory: about" in said.out
    again = edit(picture, folder, "--dry-run", "--json", "--inversion", "null-text").figures
    assert again["rows"][0] < again["rows"][1]
    assert again["seconds"][0] < again["seconds"][1]
    assert {p for p in tmp_path.iterdir() if p.name != "cache"} == before


def test_any_size_and_type_of_picture(folder: Path, tmp_path: Path) -> None:
    from PIL import Image

    source = tmp_path / "wide.jpg"
    Image.open(save_picture(tmp_path / "wide.png", 24, 70)).save(source)
    said = edit(source, folder)
    assert said.code == 0
    assert load_picture(tmp_path / "wide-edited.png").size == (24, 70)


def test_control_characters_of_a_prompt_are_harmless(picture: Path, folder: Path) -> None:
    said = edit(picture, folder, "--blend", "\x1b[31mred")
    assert (said.code, said.err.count("\n")) == (2, 1)
    assert "\\x1b[31mred" in said.err and "\x1b" not in said.err
    prompts = ("--source", "a\x1b cat", "--target", "a\x1b dog")
    said = overpaint("edit", picture, *prompts, "--model", folder, "--steps", "1")
    assert (said.code, said.err.count("\n")) == (2, 1)
    assert "\x1b" not in said.out + said.err


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save_still_life(tmp_path_factory.mktemp("models") / "world")


def test_the_true_answer_stands_in_the_strip(world: Path, tmp_path: Path) -> None:
    case = pairs(3, "colour")
    source = images.save_picture(drawn(case.source, 64), tmp_path / "s.png", {SCENE: to_json(case.source)})
    assert scene_of(load_picture(source)) == case.source
    strip = tmp_path / "strip.png"
    said = overpaint(
        *("edit", source, "--target", case.target_prompt, "--model", world, "--steps", "1", "--strip", strip),
        "--json",
    )
    assert said.figures["request"]["source"] == case.source_prompt
    sheet = load_picture(strip)
    assert sheet.size[1] > 2.5 * 256
    answer = np.asarray(drawn(case.target, 64).rgb, int)
    last = sheet.rgb[12:268, -268:-12][2::4, 2::4]  # cells are enlarged to 256 px
    assert np.abs(last.astype(int) - answer).mean() < 12


def test_ctrl_c_stops_at_the_next_tick_and_writes_nothing(picture: Path, folder: Path) -> None:
    prompts = ("--source", SOURCE, "--target", TARGET)
    args = [str(a) for a in ("edit", picture, *prompts, "--model", folder, "--steps", "1000", "--no-look")]
    ready = "import sys\nfrom overpaint.cli import progress\nold = progress.cancelling\n"
    ready += "def shown(meter):\n    print('ready', flush=True)\n    return old(meter)\n"
    ready += "progress.cancelling = shown\nfrom overpaint.cli.app import app\napp(sys.argv[1:])\n"
    with subprocess.Popen(
        [sys.executable, "-c", ready, *args], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None and process.stderr is not None
        assert process.stdout.readline() == "ready\n"
        time.sleep(0.5)
        os.kill(process.pid, signal.SIGINT)
        assert process.wait(60) == 130
        assert process.stderr.read() == "Cancelled; nothing was written.\n"
    assert sorted(p.name for p in picture.parent.iterdir() if p.name != "cache") == ["cat.png"]


def test_cancelling_and_threads_leave_the_process_as_it_was(folder: Path, tmp_path: Path) -> None:
    import torch

    out = tmp_path / "out.png"
    before = signal.getsignal(signal.SIGINT), torch.get_num_threads(), torch.random.get_rng_state()
    told = ("--model", folder, "--steps", "1", "--threads", "2", "-o", out)
    assert overpaint("generate", SOURCE, *told).code == 0
    assert read_recipe(out).environment.threads == 2
    assert signal.getsignal(signal.SIGINT) is before[0]
    assert torch.get_num_threads() == before[1]
    assert torch.equal(torch.random.get_rng_state(), before[2])


def test_an_error_on_the_way_writes_nothing(
    picture: Path, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*args: object) -> None:
        raise RuntimeError("something broke")

    monkeypatch.setattr(DDIM, "run", fail)
    said = edit(picture, folder, "--no-cache", "--no-look", "--inversion", "ddim")
    assert (said.code, said.out) == (1, "")
    assert said.err.startswith("internal error (RuntimeError: something broke); please report it")
    assert said.err.count("\n") == 1
    assert not picture.with_name("cat-edited.png").exists()


def test_a_cache_that_cannot_be_kept_is_said_and_no_more(picture: Path, folder: Path) -> None:
    (picture.parent / "cache").write_text("a file where a folder should be")
    said = edit(picture, folder, "--cross-replace", "0")
    assert said.code == 0
    assert "Warning: Inversions cannot be kept" in said.err
