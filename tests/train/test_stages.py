"""Every stage at toy size, in the order in which they build on each other."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file  # pyright: ignore[reportUnknownVariableType]
from tests.cli.kit import overpaint

from overpaint.errors import UsageError
from overpaint.train import train
from overpaint.train.assemble import steps_taken
from overpaint.train.distributed import Crew
from overpaint.train.loop import TrainError

ORDER = (
    *("renders", "text", "vae", "latents", "decoder", "echoes", "judge", "segmenter", "unet", "holes"),
    *("inpaint", "clip", "noisy-clip", "cutouts", "spatext-eye", "spatext-vectors", "spatext-prior"),
    *("spatext", "assemble", "known", "words", "figures"),
)
STAGES = (
    *("judge", "text", "vae", "decoder", "unet", "inpaint", "clip", "noisy-clip"),
    *("spatext-eye", "spatext-prior", "spatext"),
)
LONG = {"inpaint", "noisy-clip", "spatext"}
"""Stages whose exam takes longer than their steps; all stages are resumed by the same loop."""


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    home = tmp_path_factory.mktemp("toy")
    train(out=home, toy=True, quiet=True, device="cpu")
    yield home


def losses(home: Path, stage: str) -> list[float]:
    lines = [json.loads(line) for line in (home / stage / "log.jsonl").read_text().splitlines()]
    return [line["loss"] for line in lines if "loss" in line]


def test_every_stage_leaves_its_mark(whole: Path) -> None:
    for stage in (*STAGES, "segmenter"):
        assert (whole / stage / "state.safetensors").is_file()
        assert all(torch.isfinite(torch.tensor(losses(whole, stage))))
    parts = ("unet", "vae", "text_encoder", "image_encoder", "judge", "tokenizer", "scheduler", "inpaint")
    for part in (*parts, "segmenter", "noisy_image_encoder", "spatext", "spatext/prior"):
        assert list((whole / "model" / part).iterdir())
    log: dict[str, Any] = json.loads((whole / "model" / "LOG.json").read_text())
    assert log["command"] == "overpaint train still-life --size toy"
    assert {"judge", "vae", "unet_1", "unet_2", "inversion", "words", "inpaint", "spatext"} == set(
        log["figures"]
    )


def test_figures_stay_until_the_weights_change(whole: Path, tmp_path: Path) -> None:
    """By command: assembling again loses nothing; after more training the figures are of other weights."""
    home = Path(shutil.copytree(whole, tmp_path / "toy"))

    def figures() -> dict[str, Any]:
        return json.loads((home / "model" / "LOG.json").read_text())["figures"]

    def assembled() -> str:
        said = overpaint("train", "still-life", "--toy", "--stage", "assemble", "-o", home, "--device", "cpu")
        assert said.code == 0, said.err
        return " ".join(said.err.split())

    measured = figures()
    assert "left out" not in assembled()
    assert figures() == measured != {}
    more = steps_taken(home / "clip" / "state.safetensors") + 2
    train(out=home, toy=True, quiet=True, stage="clip", steps=more, device="cpu")
    assert "The figures were of other weights and are left out" in assembled()
    assert figures() == {}


def test_weights_are_shipped_in_half_precision(whole: Path) -> None:
    for file in (whole / "model").rglob("*.safetensors"):
        kinds = {value.dtype for name, value in load_file(file).items() if "logit_scale" not in name}
        assert kinds <= {torch.float16, torch.int64}, file


def test_the_folder_is_a_model(whole: Path) -> None:
    from overpaint.run.loading import load

    model = load(str(whole / "model"), device="cpu")
    assert model.path(5).kind == "v_prediction"
    wide = load(str(whole / "model" / "inpaint"), device="cpu")
    assert wide.family.name == "sd1-inpaint" and wide.name == "model-inpaint"
    told = load(str(whole / "model" / "spatext"), device="cpu")
    assert told.family.name == "sd1-spatext" and told.open_prior is not None
    seen = torch.zeros(1, 3, 128, 128)
    assert not torch.equal(told.eye.look(seen), model.eye.look(seen))


@pytest.mark.sample(1)
@pytest.mark.parametrize(
    "stage", [pytest.param(name, marks=pytest.mark.slow if name in LONG else ()) for name in STAGES]
)
def test_a_resumed_stage_ends_on_the_same_bits(whole: Path, tmp_path: Path, stage: str) -> None:
    one, two = _copy(whole, tmp_path / "one", stage), _copy(whole, tmp_path / "two", stage)
    train(out=one, toy=True, quiet=True, stage=stage, steps=3, device="cpu")
    _cut(two, stage)
    train(out=two, toy=True, quiet=True, stage=stage, steps=3, device="cpu")
    a, b = (load_file(home / stage / "state.safetensors") for home in (one, two))
    assert a.keys() == b.keys()
    assert all(torch.equal(a[name], b[name]) for name in a)


def _cut(home: Path, stage: str) -> None:
    """The first of three steps, ended as a kill would end them."""
    from overpaint.train import loop

    steps = 0
    advance = loop.Run.advance

    def stopping(self: loop.Run) -> Any:
        nonlocal steps
        steps += 1
        if steps > 1:
            self.save()
            raise InterruptedError
        return advance(self)

    with pytest.MonkeyPatch.context() as patch, pytest.raises(InterruptedError):
        patch.setattr(loop.Run, "advance", stopping)
        train(out=home, toy=True, quiet=True, stage=stage, steps=3, device="cpu")


def _copy(whole: Path, home: Path, stage: str) -> Path:
    """What the stages before left, without the stage itself."""
    home.mkdir()
    for entry in whole.iterdir():
        if entry.name != stage:
            (home / entry.name).symlink_to(entry)
    return home


# The denoiser's rate rises over its first 200 steps, so a few dozen of them show noise alone.
STEPS = [
    ("judge", 25),
    ("text", 40),
    ("vae", 40),
    ("decoder", 60),
    pytest.param("unet", 160, marks=pytest.mark.slow),
    pytest.param("inpaint", 160, marks=pytest.mark.slow),
    ("clip", 60),
]


@pytest.mark.sample(2)
@pytest.mark.parametrize(("stage", "steps"), STEPS)
def test_the_loss_falls(whole: Path, tmp_path: Path, stage: str, steps: int) -> None:
    home = _copy(whole, tmp_path / "more", stage)
    train(out=home, toy=True, quiet=True, stage=stage, steps=steps, device="cpu")
    first, last = _first_loss(home, stage), losses(home, stage)[-1]
    assert last < first


@pytest.mark.slow
def test_two_processes_take_the_steps_of_one(whole: Path, tmp_path: Path) -> None:
    one, two = _copy(whole, tmp_path / "one", "unet"), _copy(whole, tmp_path / "two", "unet")
    train(out=one, toy=True, quiet=True, stage="unet", steps=2, device="cpu")
    command = ["-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2", "-m", "overpaint"]
    wish = ["train", "still-life", "--toy", "--stage", "unet", "--steps", "2", "--device", "cpu"]
    subprocess.run([sys.executable, *command, *wish, "--output", str(two)], check=True, capture_output=True)
    alone, shared = (load_file(home / "unet" / "state.safetensors") for home in (one, two))
    for name, value in alone.items():
        torch.testing.assert_close(shared[name], value, atol=2e-5, rtol=1e-4, msg=name)


def test_a_stage_that_draws_by_itself_is_not_shared(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Crew, "join", lambda: Crew(0, 2))
    with pytest.raises(TrainError, match="'text' trains in one process"):
        train(out=tmp_path, toy=True, quiet=True, stage="text", device="cpu")


def _first_loss(home: Path, stage: str) -> float:
    """The loss of a single step of the same run, taken afresh."""
    fresh = home.parent / "first"
    _copy(home, fresh, stage)
    train(out=fresh, toy=True, quiet=True, stage=stage, steps=1, device="cpu")
    return losses(fresh, stage)[0]


def test_unknown_names_are_refused_in_a_sentence(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="cannot be trained"):
        train("landscape", out=tmp_path)
    with pytest.raises(UsageError, match="no size 'huge'"):
        train(size="huge", out=tmp_path)
    with pytest.raises(UsageError, match="no stage 'gan'"):
        train(stage="gan", out=tmp_path)
    with pytest.raises(UsageError, match="no prediction"):
        train(prediction="flow", out=tmp_path)
    with pytest.raises(UsageError, match="name it with --stage"):
        train(steps=3, out=tmp_path)
    with pytest.raises(TrainError, match="stage 'latents' first"):
        train(stage="unet", out=tmp_path, toy=True, quiet=True)
