"""The loop learns, stops and resumes on the same bits."""

from __future__ import annotations

import dataclasses
import json
import os
import signal
from collections.abc import Mapping
from pathlib import Path

import pytest
import torch
from safetensors import safe_open
from torch import Tensor, nn
from torch.nn.functional import mse_loss

from overpaint.train.loop import Pace, Run, Stage, TrainError, grid, run, write_sheet
from overpaint.train.nets import seeded
from overpaint.train.optim import Rates

CPU = torch.device("cpu")
QUIET = Pace(quiet=True, log=0.0)


def stage(steps: int = 6, muon: bool = True, width: int = 16) -> Stage:
    with seeded(0):
        net = nn.Sequential(nn.Linear(8, width), nn.ReLU(), nn.BatchNorm1d(width), nn.Linear(width, 8))

    def batch(step: int) -> Mapping[str, Tensor]:
        return {"x": torch.randn(16, 8, generator=torch.Generator().manual_seed(step))}

    def loss(batch: Mapping[str, Tensor], generator: torch.Generator) -> tuple[Tensor, Mapping[str, Tensor]]:
        noise = 0.01 * torch.randn(16, 8, generator=generator)
        value = mse_loss(net(batch["x"] + noise), batch["x"].roll(1, 1))
        return value, {"same": value.detach()}

    def measure() -> Mapping[str, float]:
        return {"training": float(net.training)}

    rates = Rates(1e-2, warmup=2, muon=muon)
    return Stage("roll", {"net": net}, batch, loss, steps, rates, 16, measure, lambda: torch.rand(3, 8, 8))


def weights(run: Run) -> dict[str, Tensor]:
    live = {k: v.clone() for k, v in run.stage.nets["net"].state_dict().items()}
    return live | {f"mean.{k}": v.clone() for k, v in run.average.mean.items()}


@pytest.mark.parametrize("muon", [True, False])
def test_a_resumed_run_ends_on_the_same_bits(tmp_path: Path, muon: bool) -> None:
    whole = weights(run(stage(muon=muon), tmp_path / "whole", device=CPU, pace=QUIET))
    first = Run(stage(muon=muon), tmp_path / "cut", CPU)
    for _ in range(3):
        first.advance()
    first.save()
    second = run(stage(muon=muon), tmp_path / "cut", device=CPU, pace=QUIET)
    assert second.step == 6
    for name, value in weights(second).items():
        assert torch.equal(value, whole[name]), name


def test_the_loss_falls_and_the_log_tells(tmp_path: Path) -> None:
    run(stage(steps=200), tmp_path, device=CPU, pace=QUIET)
    lines = [json.loads(line) for line in (tmp_path / "log.jsonl").read_text().splitlines()]
    losses = [line["loss"] for line in lines if "loss" in line]
    assert losses[-1] < 0.5 * losses[0]
    assert lines[0]["samples"] == 16 * lines[0]["step"]
    assert lines[-1]["figures"] == {"training": 0.0}
    assert (tmp_path / "sheet-0000200.png").is_file()


def test_a_signal_saves_and_ends_the_call(tmp_path: Path) -> None:
    interrupted = stage(steps=10_000)
    batch = interrupted.batch

    def signalling(step: int) -> Mapping[str, Tensor]:
        if step == 4:
            os.kill(os.getpid(), signal.SIGTERM)
        return batch(step)

    before = signal.getsignal(signal.SIGTERM)
    cut = run(dataclasses.replace(interrupted, batch=signalling), tmp_path, device=CPU, pace=QUIET)
    assert cut.step == 5 and not cut.done
    assert signal.getsignal(signal.SIGTERM) == before
    assert Run(stage(), tmp_path, CPU).resume()


def test_ctrl_c_is_raised_after_saving(tmp_path: Path) -> None:
    interrupted = stage(steps=10_000)

    def interrupting(step: int) -> Mapping[str, Tensor]:
        os.kill(os.getpid(), signal.SIGINT)
        return interrupted.batch(step)

    with pytest.raises(KeyboardInterrupt):
        run(dataclasses.replace(interrupted, batch=interrupting), tmp_path, device=CPU, pace=QUIET)
    resumed = Run(stage(), tmp_path, CPU)
    assert resumed.resume() and resumed.step == 1


def test_minutes_end_a_call(tmp_path: Path) -> None:
    cut = run(stage(steps=10**9), tmp_path, device=CPU, pace=Pace(minutes=0.005, quiet=True))
    assert 0 < cut.step < 10**9


def test_a_state_of_another_shape_is_refused_in_a_sentence(tmp_path: Path) -> None:
    run(stage(), tmp_path, device=CPU, pace=QUIET)
    with pytest.raises(TrainError, match="another shape"):
        run(stage(width=24), tmp_path, device=CPU, pace=QUIET)


def test_the_average_is_swapped_in_and_out(tmp_path: Path) -> None:
    current = run(stage(), tmp_path, device=CPU, pace=QUIET)
    live = weights(current)
    with current.averaged():
        assert not current.stage.nets["net"].training
        inside = current.stage.nets["net"].state_dict()
        assert all(
            torch.equal(inside[k.removeprefix("net.")], live[f"mean.{k}"]) for k in current.average.mean
        )
    assert all(torch.equal(value, live[name]) for name, value in weights(current).items())


def test_sheets_are_pictures(tmp_path: Path) -> None:
    from PIL import Image

    laid = grid(torch.rand(5, 3, 4, 6), columns=3)
    assert laid.shape == (3, 8, 18)
    assert torch.equal(laid[:, 4:, 12:], torch.ones(3, 4, 6))
    write_sheet(laid, tmp_path / "a.png")
    with Image.open(tmp_path / "a.png") as written:
        assert written.size == (18, 8)


def test_a_state_that_cannot_be_written_leaves_the_last_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    current = Run(stage(), tmp_path, CPU)
    current.advance()
    current.save()

    def full(_: int) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patched:
        patched.setattr(os, "fsync", full)
        with pytest.raises(TrainError, match=r"No space left on device.*still there"):
            current.save()
    assert [file.name for file in tmp_path.iterdir()] == ["state.safetensors"]
    again = Run(stage(), tmp_path, CPU)
    assert again.resume() and again.step == 1


@pytest.mark.parametrize("damage", [b"", b"not a state", None])
def test_a_state_that_is_not_whole_is_refused_in_a_sentence(tmp_path: Path, damage: bytes | None) -> None:
    current = Run(stage(), tmp_path, CPU)
    current.save()
    good = current.state_file.read_bytes()
    current.state_file.write_bytes(good[: len(good) // 2] if damage is None else damage)
    with pytest.raises(TrainError, match="no whole state"):
        Run(stage(), tmp_path, CPU).resume()


def test_the_layout_of_a_state_stays_readable(tmp_path: Path) -> None:
    current = run(stage(), tmp_path, device=CPU, pace=QUIET)
    with safe_open(current.state_file, "pt") as file:  # pyright: ignore[reportUnknownVariableType]
        notes = json.loads(file.metadata()["run"])  # pyright: ignore[reportUnknownMemberType, reportUnknownArgumentType]
    assert set(notes) == {"step", "samples", "seconds", "seed"} and notes["step"] == 6
