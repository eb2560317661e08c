from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from tests.cli.kit import SOURCE, TARGET
from tests.kit import Touch, clean, shared
from torch import Tensor, nn

from overpaint import api
from overpaint.errors import OutOfMemory, UsageError, short_of_memory
from overpaint.files.sizes import amount, bytes_of
from overpaint.meter import Meter
from overpaint.model import Model
from overpaint.network import Text
from overpaint.run.estimate import Living, estimate, look_folder, speed_of
from overpaint.run.execute import execute
from overpaint.run.memory import run_patiently, within
from overpaint.run.plan import Job, plan
from overpaint.run.request import edit_request
from overpaint.run.result import Edit

ERRORS = [
    torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB"),
    RuntimeError("[enforce fail at alloc_cpu.cpp:113] DefaultCPUAllocator: can't allocate memory"),
    RuntimeError("MPS backend out of memory (MPS allocated: 1 GB)"),
    MemoryError(),
]


@pytest.fixture(autouse=True)
def own_looks(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OVERPAINT_CACHE", str(tmp_path))


def job(**options: Any) -> Job:
    picture = (np.indices((32, 32)).sum(0) * 4).astype(np.uint8)[..., None].repeat(3, -1)
    asked = edit_request(
        "edit", "p2p", picture, {"source": SOURCE, "target": TARGET}, {"steps": 2, **options}
    )
    return plan(asked, shared())


class Cramped:
    """A network that has room for so many rows; notes how many each call had."""

    def __init__(self, room: int, error: Exception, monkeypatch: pytest.MonkeyPatch) -> None:
        self.room, self.error, self.seen = room, error, list[int]()
        real = type(shared().family).call

        def call(family: Any, net: nn.Module, x: Tensor, t: Tensor, text: Text, more: Any) -> Tensor:
            self.seen.append(len(x))
            if len(x) > self.room:
                raise self.error
            return real(family, net, x, t, text, more)

        monkeypatch.setattr(type(shared().family), "call", call)


def near(a: Edit, b: Edit) -> bool:
    return bool(torch.allclose(a.latent, b.latent, rtol=0, atol=1e-4 * float(a.latent.abs().max())))


@pytest.mark.parametrize("error", ERRORS, ids=["cuda", "cpu", "mps", "python"])
def test_where_memory_runs_out_rows_are_taken_apart(
    error: Exception, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole, meter = execute(job(), Meter()), Meter()
    cramped = Cramped(1, error, monkeypatch)
    edit = run_patiently(job(), meter)
    assert near(whole, edit) and set(cramped.seen[-3:]) == {1}
    assert edit.figures.rows == whole.figures.rows and edit.figures.calls == 8
    assert edit.trace["strayed"] == pytest.approx(whole.trace["strayed"], abs=1e-5)
    assert len(edit.trace["strayed"]) == 2
    assert edit.warnings[0].endswith("made again with rows taken 1 at a time.")
    assert edit.recipe.environment.at_once == 1 and whole.recipe.environment.at_once is None
    assert shared().at_once is None and clean(shared())


def test_no_more_is_taken_apart_than_needed(monkeypatch: pytest.MonkeyPatch) -> None:
    cramped = Cramped(2, MemoryError(), monkeypatch)
    edit = run_patiently(job(inversion="ddim"), Meter())
    assert edit.recipe.environment.at_once == 2
    assert cramped.seen == [1, 1, 4, 1, 1, 2, 2, 2, 2]


@pytest.mark.parametrize("inversion", ["direct", "null-text"])
def test_what_does_not_fit_row_by_row_is_one_sentence(
    inversion: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    Cramped(0, MemoryError(), monkeypatch)
    with pytest.raises(OutOfMemory, match=r"ran out even row by row; choose the type bfloat16.* or .*\.$"):
        run_patiently(job(inversion=inversion), Meter())
    assert clean(shared())


def test_rows_that_belong_together_and_do_not_fit_are_one_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    cramped = Cramped(1, MemoryError(), monkeypatch)

    def stop(meter: Meter) -> None:
        assert meter.calls < 20, "it goes on for ever"

    # A control that names no rows might look at any, so it keeps all three of a call together.
    with pytest.raises(OutOfMemory, match=r"at a time \(3, which .* read for one another\); choose"):
        with shared().control(Touch()):
            run_patiently(job(), Meter(on_tick=stop))
    assert cramped.seen == [1, 1, 3] * 2
    assert clean(shared())


def test_other_errors_are_not_tried_again(monkeypatch: pytest.MonkeyPatch) -> None:
    cramped = Cramped(0, RuntimeError("shapes differ"), monkeypatch)
    with pytest.raises(RuntimeError, match="shapes differ"):
        run_patiently(job(), Meter())
    assert cramped.seen == [1]


def test_an_autoencoder_that_does_not_fit_is_not_tried_again(monkeypatch: pytest.MonkeyPatch) -> None:
    asked, tried = job(), [0]
    vae: Any = shared().family
    vae = vae.codec.vae

    def full(*_: object) -> None:
        tried[0] += 1
        raise MemoryError

    monkeypatch.setattr(vae, "decode", full)
    with pytest.raises(OutOfMemory, match=r"autoencoder ran out .* picture of 32 x 32 pixels; choose"):
        run_patiently(asked, Meter())
    assert tried == [1]
    monkeypatch.setattr(vae, "encode", full)
    with pytest.raises(OutOfMemory, match="autoencoder ran out"):
        job()


def test_errors_of_shortage_are_known_by_their_words() -> None:
    assert all(short_of_memory(error) for error in ERRORS)
    assert not short_of_memory(RuntimeError("out of range")) and not short_of_memory(OSError("out of memory"))


@pytest.mark.parametrize(
    "said, size",
    [("4GB", 4 * 10**9), ("1.5 gib", 3 * 2**29), ("800MB", 8 * 10**8), ("512", 512), (512, 512)],
)
def test_amounts(said: str | int, size: int) -> None:
    assert bytes_of(said) == size


@pytest.mark.parametrize("said", ["", "four", "4 apples", "-1GB", "0", "1e9", "inf", "nan", "9" * 99, "4GB4"])
def test_what_is_no_amount_is_refused(said: str) -> None:
    with pytest.raises(UsageError, match="no amount of memory; write it as 4GB"):
        bytes_of(said)


def test_amounts_are_read_as_they_are_shown() -> None:
    assert [amount(n) for n in (12, 512_000_000, 3_200_000_000)] == ["0.1 MB", "512 MB", "3.2 GB"]


@pytest.mark.parametrize("rows, planned", [(1.0, 1), (2.1, 2), (1000.0, None)])
def test_a_bound_is_planned_for(rows: float, planned: int | None) -> None:
    asked = job()
    speed = speed_of(asked, look_folder())
    # The autoencoder of the tiny model is larger than a row of it: without it the rows decide.
    room = speed.weights + int(rows * 1.25 * speed.row_bytes) + 1
    small = within_without_codec(asked, room)
    meter = Meter()
    with Living() as living:
        execute(small, meter)
    assert meter.widest == (planned or 3)
    assert planned is None or living.most < room
    assert estimate(small).memory <= estimate(asked).memory


def within_without_codec(asked: Job, room: int) -> Job:
    """`within`, as if decoding took nothing."""
    place = look_folder()
    speed = speed_of(asked, place)
    (file,) = place.glob("*.json")
    file.write_text(speed.model_copy(update={"codec_bytes": 0}).model_dump_json())
    try:
        return within(asked, room)
    finally:
        file.write_text(speed.model_dump_json())


def test_a_bound_that_cannot_be_kept_is_refused_before_any_work() -> None:
    asked = job()
    with pytest.raises(UsageError, match=r"needs about .* even row by row, more than 0.1 MB; choose"):
        within(asked, "100KB")
    speed = speed_of(asked, look_folder())
    tuned = job(inversion="null-text")
    room = speed.weights + max(int(1.25 * speed.row_bytes), speed.codec_bytes) + 1
    within(asked, room)
    if speed.tuned_bytes > max(int(1.25 * speed.row_bytes), speed.codec_bytes):
        with pytest.raises(UsageError, match="tunes nothing"):
            within(tuned, room)
    assert speed.tuned_bytes > speed.row_bytes


def test_a_recipe_knows_how_rows_were_taken(tmp_path: Path) -> None:
    given: dict[str, Any] = {"source": SOURCE, "target": TARGET, "steps": 2}
    picture, room = np.full((32, 32, 3), 90, np.uint8), speed_of(job(), look_folder())
    enough = room.weights + max(room.codec_bytes, int(1.3 * room.row_bytes)) + 1
    edit = api.edit(picture, model=shared(), memory=enough, **given)
    apart = edit.recipe.environment.at_once
    assert apart is not None
    edit.save(tmp_path / "a.png")
    again = api.rerun(tmp_path / "a.png", model=shared())
    assert again.recipe.environment.at_once == apart and torch.equal(again.latent, edit.latent)
    forced = Model(shared().net, shared().family, at_once=1)
    assert api.edit(picture, model=forced, **given).recipe.environment.at_once == 1
