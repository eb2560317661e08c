"""Parts that wait on the CPU: each is there when it works, alone, and afterwards all are home."""

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from tests.cli.kit import SOURCE, TARGET, save_folder
from tests.kit import clean
from torch import nn

from overpaint import api
from overpaint.errors import OutOfMemory, UsageError
from overpaint.families.offload import HOME, Ferry, Held, check_offload
from overpaint.families.tiny import Shape, tiny
from overpaint.families.unet import UNetFamily
from overpaint.meter import Cancelled, Meter
from overpaint.model import Model
from overpaint.run.estimate import resident, speed_of
from overpaint.run.loading import load
from overpaint.run.memory import advice, within
from overpaint.run.plan import Job, plan
from overpaint.run.request import edit_request
from overpaint.run.result import Edit

DEVICE = torch.device("cuda", 0)
PICTURE = (np.indices((32, 32)).sum(0) * 4).astype(np.uint8)[..., None].repeat(3, -1)
ASKED: dict[str, Any] = {"source": SOURCE, "target": TARGET, "steps": 2}


@dataclass
class Port:
    """A tiny model with a ferry that notes every move, and every part that works where it must not."""

    model: Model
    ferry: Ferry
    moves: list[tuple[str, str]] = field(default_factory=list[tuple[str, str]])
    there: set[str] = field(default_factory=set[str])
    wrong: list[str] = field(default_factory=list[str])
    worked: set[str] = field(default_factory=set[str])

    @staticmethod
    def of(shape: Shape = "sd1") -> "Port":
        plain, ferry = tiny(shape), Ferry(DEVICE)
        base: Any = plain.family
        family: UNetFamily = replace(base, codec=replace(base.codec, bring=ferry.bring), bring=ferry.bring)
        port = Port(Model(plain.net, family, plain.name, offload=True, lock=Held(ferry)), ferry)
        parts = {"net": (plain.net,), **family.parts}
        names = {net: f"{name}{k or ''}" for name, nets in parts.items() for k, net in enumerate(nets)}

        def move(part: nn.Module, device: torch.device) -> None:
            port.moves.append((names[part], device.type))
            (port.there.discard if device == HOME else port.there.add)(names[part])
            for p in part.parameters():  # as a move does, in the same place
                p.data = p.data.clone()

        ferry.move = move
        for net, name in names.items():
            for inner in net.modules():
                inner.register_forward_pre_hook(port.watched(name))
        return port

    def watched(self, name: str) -> Callable[..., None]:
        def hook(*_: object) -> None:
            self.worked.add(name)
            if {one.rstrip("0123456789") for one in self.there} != {name.rstrip("0123456789")}:
                self.wrong.append(f"{name} worked while {sorted(self.there)} were there")

        return hook

    @property
    def home(self) -> bool:
        """Whether everything has gone home, by the ferry's own account and by that of its moves."""
        return not self.there and self.ferry.there == ()


def edited(model: Model, **more: Any) -> Edit:
    return api.edit(PICTURE, model=model, **{**ASKED, **more})


@pytest.mark.parametrize("shape", ["sd1", "sdxl"])
@pytest.mark.parametrize("inversion", ["direct", "null-text"])
def test_every_part_is_alone_on_the_device_while_it_works(shape: Shape, inversion: str) -> None:
    port = Port.of(shape)
    edit, plain = (edited(model, inversion=inversion) for model in (port.model, tiny(shape)))
    assert port.wrong == [] and port.home
    assert port.worked == {"net", "text", "codec"} | ({"text1"} if shape == "sdxl" else set())
    texts = ["text", "text1"] if shape == "sdxl" else ["text"]
    order = [texts, ["codec"], ["net"], ["codec"]]
    assert port.moves == [
        move for parts in order for kind in ("cuda", "cpu") for move in ((part, kind) for part in parts)
    ]
    assert torch.equal(edit.latent, plain.latent) and np.array_equal(edit.picture.rgb, plain.picture.rgb)
    assert edit.recipe.environment.offload and not plain.recipe.environment.offload


@pytest.mark.parametrize("call", range(1, 5))
def test_everything_is_home_after_a_cancel(call: int) -> None:
    port, meter = Port.of(), Meter()
    meter.on_tick = lambda meter: meter.cancel() if meter.calls >= call else None
    with pytest.raises(Cancelled):
        edited(port.model, meter=meter)
    assert port.worked >= {"net"} and port.home


@pytest.mark.parametrize("error", [RuntimeError("shapes"), MemoryError(), KeyboardInterrupt()])
@pytest.mark.parametrize("part", ["net", "text", "codec"])
def test_everything_is_home_after_an_error(part: str, error: BaseException) -> None:
    port = Port.of()
    nets = {"net": (port.model.net,), **port.model.family.parts}

    def hook(*_: object) -> None:
        raise error

    for inner in nets[part][0].children():
        inner.register_forward_pre_hook(hook)
    expected = OutOfMemory if isinstance(error, MemoryError) else type(error)
    with pytest.raises(expected):
        edited(port.model)
    assert port.wrong == [] and port.moves != [] and port.home


@pytest.mark.parametrize("error", [MemoryError(), KeyboardInterrupt()])
@pytest.mark.parametrize("failing", [0, 1])
def test_half_a_part_is_carried_back(failing: int, error: BaseException) -> None:
    parts, where = (nn.Linear(1, 1), nn.Linear(1, 1)), dict[nn.Module, torch.device]()

    def move(part: nn.Module, device: torch.device) -> None:
        where[part] = device
        if part is parts[failing] and device != HOME:
            raise error

    ferry = Ferry(DEVICE, move)
    with pytest.raises(type(error)):
        ferry.bring(*parts)
    assert ferry.there == () and set(where.values()) == {HOME}


def test_what_is_there_is_not_carried_again() -> None:
    moves, (a, b) = list[tuple[nn.Module, str]](), (nn.Linear(1, 1), nn.Linear(1, 1))
    ferry = Ferry(DEVICE, lambda part, device: moves.append((part, device.type)))
    for parts in ((a,), (a,), (b,), (b,)):
        ferry.bring(*parts)
    assert moves == [(a, "cuda"), (a, "cpu"), (b, "cuda")]
    ferry.send_home()
    ferry.send_home()
    assert moves[3:] == [(b, "cpu")]


def test_only_who_lets_go_last_sends_everything_home() -> None:
    moves, part = list[str](), nn.Linear(1, 1)
    ferry = Ferry(DEVICE, lambda _, device: moves.append(device.type))
    lock = Held(ferry)
    with lock:
        with pytest.raises(ZeroDivisionError), lock:
            ferry.bring(part)
            raise ZeroDivisionError
        assert ferry.there == (part,)
    assert ferry.there == () and moves == ["cuda", "cpu"]


def job(model: Model, **more: Any) -> Job:
    request = {name: ASKED[name] for name in ("source", "target")}
    return plan(edit_request("edit", "p2p", PICTURE, request, {"steps": 2, **more}), model)


def test_the_largest_part_is_planned_for_instead_of_all(tmp_path: Path) -> None:
    port, whole = Port.of(), tiny()
    sizes = {"net": parameters(whole.net)}
    sizes |= {name: sum(map(parameters, nets)) for name, nets in whole.family.parts.items()}
    assert resident(port.model) == (sizes["net"], sizes["codec"], max(sizes.values()))
    assert set(resident(whole)) == {sum(sizes.values())}
    speeds = [speed_of(job(model), tmp_path) for model in (port.model, whole)]
    assert port.home
    # What is carried over is no part of what a row takes.
    assert [speed.row_bytes for speed in speeds] == [speeds[1].row_bytes] * 2
    assert [speed.codec_bytes for speed in speeds] == [speeds[1].codec_bytes] * 2
    assert [speed.tuned_bytes for speed in speeds] == [speeds[1].tuned_bytes] * 2
    walk = 10 * speeds[0].row_bytes
    assert speeds[1].peak(walk) - speeds[0].peak(walk) == sizes["text"] + sizes["codec"]


def parameters(net: nn.Module) -> int:
    return sum(p.numel() * p.element_size() for p in net.parameters())


def test_a_bound_that_holds_the_parts_one_by_one_is_enough(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OVERPAINT_CACHE", str(tmp_path))
    port, whole = Port.of(), tiny()
    room = resident(whole)[0]
    with pytest.raises(UsageError, match="even row by row"):
        within(job(whole), room)
    assert within(job(port.model), room).at_once is not None


def test_offload_is_named_where_it_would_help() -> None:
    base = job(tiny())
    card = replace(base, model=Model(base.model.net, base.model.family, device=DEVICE))
    there = replace(base, model=Model(base.model.net, base.model.family, device=DEVICE, offload=True))
    words = "parts that wait on the CPU (offload)"
    assert words in advice(card) and words not in advice(base) and words not in advice(there)


@pytest.mark.parametrize("device", ["cpu", "mps"])
def test_a_device_that_works_in_the_memory_of_the_cpu_is_refused(device: str) -> None:
    with pytest.raises(UsageError, match=rf"^The device {device} works in .*; leave it out, or choose .*\.$"):
        check_offload(torch.device(device))
    check_offload(DEVICE)


def test_a_model_is_loaded_at_home_and_moves_for_good(tmp_path: Path) -> None:
    folder = save_folder(tmp_path / "model")
    model = load(str(folder), device="meta", offload=True)
    family: Any = model.family
    nets = [model.net, *(net for nets in family.parts.values() for net in nets)]
    assert {p.device.type for net in nets for p in net.parameters()} == {"cpu"}
    assert model.device.type == "meta" and model.offload and model.dtype == torch.bfloat16
    family.bring(model.net)
    assert {p.device.type for p in model.net.parameters()} == {"meta"}
    assert {p.device.type for p in family.codec.vae.parameters()} == {"cpu"}
    plain = load(str(folder), device="cpu")
    assert not plain.offload and clean(plain)
