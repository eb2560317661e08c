"""Files that are not there are said at once, before the libraries that take seconds are imported."""

import os
import subprocess
import sys
from pathlib import Path
from time import perf_counter

import numpy as np
import pytest
from tests.cli.kit import SOURCE, TARGET, overpaint, save_picture
from tests.kit import shared

from overpaint.api import edit
from overpaint.images import Picture
from overpaint.images import save_picture as save

WATCH = """
import sys
from overpaint.cli.app import app
try:
    app(sys.argv[1:])
except SystemExit as end:
    assert end.code == 2, end.code
heavy = {"torch", "diffusers", "transformers"} & set(sys.modules)
assert not heavy, heavy
"""
ABSENT: dict[str, tuple[str, ...]] = {
    "a picture to edit": ("edit", "no.png", "--target", TARGET),
    "a mask": ("edit", "cat.png", "--target", TARGET, "--mask", "no.png"),
    "a LoRA": ("edit", "cat.png", "--target", TARGET, "--lora", "no.safetensors:0.8"),
    "a taught word": ("generate", SOURCE, "--embedding", "no.safetensors"),
    "a model to edit with": ("edit", "cat.png", "--target", TARGET, "--model", "no/model"),
    "a model to generate with": ("generate", SOURCE, "--model", "no/model.safetensors"),
    "a folder to write to": ("generate", SOURCE, "-o", "no/x.png"),
    "a picture to invert": ("invert", "no.png"),
    "a picture to show": ("show", "no.png"),
    "a picture to cite": ("cite", "no.png"),
    "a picture to run again": ("rerun", "no.png"),
    "the source of a rerun": ("rerun", "orphan.png"),
    "a pickle": ("convert", "no.ckpt"),
    "a model to check": ("models", "check", "no/model"),
    "a folder of pictures": ("batch", "no", "--out", "out", "--target", TARGET),
    "a table of pictures": ("batch", "no.csv", "--out", "out", "--target", TARGET),
    "results": ("bench", "table", "no"),
}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("early")
    save_picture(folder / "cat.png")
    noise = np.random.default_rng(0).integers(0, 256, (400, 400, 3), dtype=np.uint8)
    large = save(Picture(noise), folder / "large.png")
    edit(large, source=SOURCE, target=TARGET, model=shared(), steps=1).save(folder / "orphan.png")
    large.unlink()
    return folder


def python(folder: Path, *args: str) -> subprocess.CompletedProcess[str]:
    """Run another Python that sees what this one sees."""
    env = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    command = [sys.executable, *args]
    return subprocess.run(command, capture_output=True, text=True, check=False, cwd=folder, env=env)


@pytest.mark.sample(6)
@pytest.mark.parametrize("what", ABSENT)
def test_what_is_not_there_is_said_before_a_network_library_is_imported(what: str, folder: Path) -> None:
    done = python(folder, "-c", WATCH, *ABSENT[what])
    assert done.returncode == 0, done.stderr
    assert done.stderr.count("\n") == 1 and "here " in done.stderr and done.stdout == ""


def test_that_takes_no_longer_than_starting(folder: Path) -> None:
    """Against a mistake that is found after the imports: a machine may be slow, a factor is not."""

    def seconds(*args: str) -> float:
        began = perf_counter()
        assert python(folder, "-m", "overpaint", *args).returncode == 2
        return perf_counter() - began

    absent = min(seconds("edit", "no.png") for _ in range(3))
    assert absent < seconds("edit", "cat.png", "--target", "x", "--steps", "0") / 2


def test_commands_of_one_process_load_a_model_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, tiny_home: Path
) -> None:
    from overpaint.run import kept

    loads, real = list[str](), kept.load_as

    def counted(name: str, *more: object, **named: object) -> object:
        loads.append(name)
        return real(name, *more, **named)  # pyright: ignore[reportArgumentType]

    monkeypatch.setattr(kept, "load_as", counted)
    kept.unload()
    for k in range(3):
        save_picture(tmp_path / f"{k}.png", 32 + k)

    def rows(picture: Path, *more: str) -> int:
        told = ("--source", SOURCE, "--target", TARGET, "--model", tiny_home, "--steps", "2")
        said = overpaint("edit", picture, *told, "--json", "--overwrite", *more)
        return said.figures["figures"]["rows"]

    pictures = [tmp_path / f"{k}.png" for k in range(3)]
    assert [rows(picture) for picture in pictures] == [8, 8, 8]
    assert [rows(picture) for picture in pictures] == [6, 6, 6]  # the inversions are found
    assert rows(pictures[0], "--no-cache") == 8
    assert len(loads) == 1
    assert next(iter(kept.KEPT.models.values())).cache is None
    kept.unload()


@pytest.fixture(scope="module")
def tiny_home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    from tests.cli.kit import save_folder

    return save_folder(tmp_path_factory.mktemp("models") / "tiny")
