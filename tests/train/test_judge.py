"""What the judge is trained on and by."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from torch import Tensor

from overpaint.stilllife.judge import CELL, Judge
from overpaint.stilllife.scene import Scene, Thing
from overpaint.train.data import CPU, Renders, pick
from overpaint.train.judge import HARD, NO_THING, in_full, judge_loss, judge_stage, targets, worn
from overpaint.train.loop import Stage
from overpaint.train.nets import mixed, seeded
from overpaint.train.optim import Rates

SCENE = Scene((Thing("ball", "red", size="small", x=24), Thing("cube", "blue", "striped", "small", x=72)))


def stage(home: Path, through: list[Tensor]) -> Stage:
    renders, echoes = Renders(home, 6), Renders(home, 4, name="echoes")
    renders.make()
    echoes.make(draw=lambda picked: torch.full((len(picked), 3, 128, 128), 0.2))
    with seeded(0):
        judge = Judge(16)

    def returned(pictures: Tensor) -> Tensor:
        through.append(pictures)
        return pictures * 0

    return judge_stage(judge, renders, echoes, 10, Rates(1e-3), through=returned, batch=4, exam=3)


def test_half_of_a_batch_went_through_the_autoencoder(tmp_path: Path) -> None:
    batch = stage(tmp_path, []).batch(1)
    assert (batch["pixels"][2:] - 0.2).abs().max() < 1 / 255
    drawn = Renders(tmp_path, 6).pictures(pick(1, 2, 6))
    assert torch.equal(batch["pixels"][:2], drawn)
    assert batch["present"].shape == (4, 16, 16)


def test_both_kinds_of_pictures_are_measured(tmp_path: Path) -> None:
    seen: list[Tensor] = []
    one = stage(tmp_path, seen)
    one.nets["judge"].eval()
    assert one.measure is not None
    figures = one.measure()
    assert len(seen) == 1 and seen[0].shape == (3, 3, 128, 128)
    assert {"material", "vae_material", "count", "vae_count"} <= set(figures)


def test_targets_lie_in_the_cell_of_the_middle() -> None:
    truth = targets([SCENE])
    row, column = int((104 - 16.5) // CELL), 72 // CELL
    assert float(truth["present"][0, row, column]) == 1
    assert float(truth["present"][0, row - 1, column + 1]) == -1
    assert float(truth["present"].sum()) == 2 - 2 * 8
    torch.testing.assert_close(
        truth["offset"][0, :, row, column], torch.tensor([0.0, (104 - 16.5) / CELL - row])
    )
    assert int(truth["material"][0, row, column]) == 2
    assert int((truth["kind"] != NO_THING).sum()) == 2 * 9


def test_what_is_hard_counts_more() -> None:
    with seeded(1):
        answers = Judge(16).eval()(torch.rand(1, 3, 128, 128, generator=torch.Generator().manual_seed(0)))
    total, parts = judge_loss(answers, targets([SCENE]))
    more = sum((HARD[name] - 1) * float(parts[name]) for name in HARD)
    assert float(total.detach()) == pytest.approx(sum(float(v) for v in parts.values()) + more, rel=1e-5)
    assert {"kind", "material"} <= set(HARD) and min(HARD.values()) > 1


def test_answers_in_half_precision_are_taken_up_in_full() -> None:
    with seeded(1), torch.autocast("cpu", torch.bfloat16):
        answers = in_full(Judge(16).eval()(torch.zeros(1, 3, 128, 128)))
    parts = [answers.present, answers.offset, *answers.thing.values(), *answers.scene.values()]
    assert {part.dtype for part in parts} == {torch.float32}


def test_a_third_of_the_pictures_stay_as_they_are() -> None:
    pictures = torch.rand(60, 3, 32, 32, generator=torch.Generator().manual_seed(0))
    out = worn(pictures, torch.Generator().manual_seed(0))
    same = sum(torch.equal(a, b) for a, b in zip(pictures, out, strict=True))
    assert 10 <= same <= 30
    assert float(out.min()) >= 0 and float(out.max()) <= 1


@pytest.mark.parametrize("unit", [True, False])
def test_half_the_bits_are_used_where_the_processor_has_a_unit_for_them(
    unit: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(torch.cpu, "get_capabilities", lambda: {"amx_bf16": unit})
    a = torch.ones(8, 8)
    with mixed(CPU):
        assert (a @ a).dtype == (torch.bfloat16 if unit else torch.float32)
