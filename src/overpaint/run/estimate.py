"""What an edit will take: rows from its card, seconds and memory from one measured look at the model."""

import weakref
from collections.abc import Callable
from dataclasses import replace
from hashlib import sha256
from pathlib import Path as FilePath
from time import perf_counter, time
from typing import Any, cast

import torch
from pydantic import BaseModel, ConfigDict, ValidationError
from torch import Tensor, nn
from torch.multiprocessing.reductions import StorageWeakRef
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_iter

from overpaint.card import Need
from overpaint.files import atomic
from overpaint.files.store import default_folder
from overpaint.model import Line, Model
from overpaint.out_of_memory import roomy, ways_out
from overpaint.run.examine import rows_of_look, wanted
from overpaint.run.locating import rows_of
from overpaint.run.plan import Job

ROWS = 2
"""Rows of the timed call."""
BACKWARD = 2.0
"""Time of a backward pass in units of a row, the usual rule for matrix products."""
SIDE = 0.4
"""Time of a row through a side network in units of a row: it is a copy of the encoder and the middle."""
TRIES = 3
KEPT = 7 * 24 * 3600.0
"""Seconds for which a look at a model is believed."""


class Speed(BaseModel):
    """What one look at a model on a device found."""

    model_config = ConfigDict(frozen=True)

    row: float
    """Seconds of one row through the network, on its share of a call."""
    codec: float
    """Seconds to encode and decode a picture."""
    row_bytes: int
    """The most that lives at once during a call, a row's share."""
    codec_bytes: int
    """The most that lives at once while a picture is decoded."""
    tuned_bytes: int
    """The most that lives at once during a row that is to be tuned through."""
    weights: int
    """Bytes of the parameters that are on the device during a walk."""
    codec_weights: int
    """The same while a picture is encoded or decoded."""
    most_weights: int
    """The most of them that are ever there."""

    def peak(self, walking: int) -> int:
        """The most that lives at once in an edit whose walk itself takes so many bytes."""
        return max(self.weights + walking, self.codec_weights + self.codec_bytes, self.most_weights)


class Estimate(BaseModel):
    """What a job will take, as (least, most) where it is not known exactly."""

    model_config = ConfigDict(frozen=True)

    rows: tuple[int, int]
    look: int = 0
    """Rows that look at the picture first, beside those."""
    judging: tuple[int, int] = (0, 0)
    """Rows that tell how likely what was tried came off, where the method is chosen, beside those."""
    backwards: tuple[int, int]
    sides: tuple[int, int] = (0, 0)
    seconds: tuple[float, float]
    memory: int
    """Bytes."""


class Living(TorchDispatchMode):
    """Counts the bytes of the tensors that operations make and nobody has dropped yet."""

    def __init__(self) -> None:
        super().__init__()  # pyright: ignore[reportUnknownMemberType]
        self.now, self.most, self.seen = 0, 0, set[int]()

    def __torch_dispatch__(
        self, func: Any, types: Any, args: tuple[Any, ...] = (), kwargs: dict[str, Any] | None = None
    ) -> Any:
        result = self.made(func, args, kwargs or {})
        given = [one for one in tree_iter(result) if isinstance(one, Tensor)]
        if given:
            known = {address(one) for one in tree_iter((args, kwargs)) if isinstance(one, Tensor)}
            for one in given:
                if address(one) not in known and address(one) not in self.seen:
                    self.born(one)
        return result

    def made(self, func: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        """What an operation gives."""
        return func(*args, **kwargs)

    def born(self, one: Tensor) -> None:
        """Count a new block of memory until it goes."""
        size, place = one.untyped_storage().nbytes(), address(one)
        self.now += size
        self.most = max(self.most, self.now)
        self.seen.add(place)
        weakref.finalize(one.untyped_storage(), self.gone, place, size)

    def gone(self, place: int, size: int) -> None:
        """A block was given back."""
        self.now -= size
        self.seen.discard(place)


def address(one: Tensor) -> int:
    """Which block of memory a tensor looks into; one without values has a block without an address."""
    return cast(int, cast(Any, StorageWeakRef(one.untyped_storage())).cdata)


def estimate(job: Job, folder: FilePath | None = None) -> Estimate:
    """What a job will take on this machine; the look at the model is kept in ``folder``."""
    speed, cost = speed_of(job, folder or look_folder()), job.cost
    look, looks = wanted(job), rows_of_look(job) + rows_of(job.asked.seek)
    eye = eye_seconds(job)
    seconds = [
        speed.codec * (1 + look)
        + speed.row * (rows + looks + judged + BACKWARD * backwards + SIDE * sides)
        + eye * seen * (BACKWARD if backwards else 1)
        for rows, backwards, sides, seen, judged in zip(
            cost.rows, cost.backwards, cost.sides, cost.looks, job.judging, strict=True
        )
    ]
    most = (4 if Need.IMAGE in job.method.card.needs else 2) + 2 * len(job.asked.request.also)
    together = min(most, job.at_once or most)
    tuning = speed.tuned_bytes if cost.backwards[1] else 0
    memory = speed.peak(max(speed.row_bytes * together, tuning))
    return Estimate(
        rows=cost.rows,
        look=looks,
        judging=job.judging,
        backwards=cost.backwards,
        sides=cost.sides,
        seconds=(seconds[0], seconds[1]),
        memory=memory + job.beside.bytes,
    )


def eye_seconds(job: Job) -> float:
    """Seconds in which the model's own CLIP looks at a picture; 0 where it looks at none, or has another."""
    model = job.model
    if not job.cost.looks[1] or model.open_eye is None:
        return 0.0
    blank = torch.zeros(1, 3, model.eye.side, model.eye.side, device=model.device)

    def look() -> None:
        model.eye.embed(blank)

    with model.lock, torch.no_grad():
        return seconds(look, model.device)


def look_folder() -> FilePath:
    """Where looks at models are kept: beside the inversions."""
    return default_folder().with_name("speed")


def speed_of(job: Job, folder: FilePath) -> Speed:
    """The stored look at this model, device, type, size and number of threads, or a new one.

    One that is older than `KEPT` is taken anew: it may be of a day on which the machine was busy.
    """
    model = job.model
    parts = (
        model.fingerprint,
        model.device,
        model.dtype,
        resident(model),
        job.task.shape,
        torch.get_num_threads(),
        torch.__version__,
    )
    place = folder / f"{sha256(repr(parts).encode()).hexdigest()[:32]}.json"
    try:
        if time() - place.stat().st_mtime < KEPT:
            return Speed.model_validate_json(place.read_bytes())
    except (OSError, ValidationError):
        pass
    speed = look(job)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        atomic.write(place, speed.model_dump_json().encode())
    except OSError:
        pass  # a cache that cannot be written costs a second, no more
    return speed


def look(job: Job) -> Speed:
    """Time a bare network call and a round trip through the autoencoder, and count what lives meanwhile.

    Raises:
        OutOfMemory: two rows, or a quarter of one that is tuned through, do not fit.
    """
    model = job.model
    where = f"Memory of the device {model.device} ran out in a look at the model"
    with roomy(where, ways_out(model.device, model.dtype, model.offload)):
        return looked(job)


def looked(job: Job) -> Speed:
    """The look itself; memory may run out."""
    model, task = job.model, job.task
    x = task.start().to(model.device)
    extra = x.new_zeros(1, model.family.extra, *x.shape[-2:]) if model.family.extra else None
    path, lines = model.path(1), [Line("-", task.null, extra), Line("+", task.null, extra)]

    def call() -> None:
        model.rows(x.expand(ROWS, -1, -1, -1), 0, path, ["tgt-", "tgt+"], lines)

    def codec() -> None:
        model.family.encode(model.family.decode(x))

    def tuned() -> None:
        # A quarter of the picture: what is kept for the way back would be a lot to take for a look.
        part = x[..., : max(1, x.shape[-2] // 2 // step) * step, : max(1, x.shape[-1] // 2 // step) * step]
        with torch.enable_grad():
            text = replace(task.null, states=task.null.states.clone().requires_grad_(True))
            beside = None if extra is None else extra[..., : part.shape[-2], : part.shape[-1]]
            model.rows(part, 0, path, ["tgt-"], [Line("-", text, beside)]).eps.sum().backward()  # pyright: ignore[reportUnknownMemberType]
        sizes.append(part.numel())

    step, sizes = max((site.stride for site in model.tap.sites), default=1), list[int]()
    with model.lock, torch.no_grad():
        # Each is timed before it is counted: parts that wait on the CPU have been carried over by then.
        row, row_bytes = seconds(call, model.device) / ROWS, most(call) // ROWS
        tuned_bytes = most(tuned) * x.numel() // sizes[-1]
        round_trip, codec_bytes = seconds(codec, model.device, 1), most(codec)
    walk, coding, ever = resident(model)
    return Speed(
        row=row,
        codec=round_trip,
        row_bytes=row_bytes,
        codec_bytes=codec_bytes,
        tuned_bytes=tuned_bytes,
        weights=walk,
        codec_weights=coding,
        most_weights=ever,
    )


def most(work: Callable[[], None]) -> int:
    """The most bytes that live at once while something is done."""
    with Living() as living:
        work()
    return living.most


def seconds(work: Callable[[], None], device: torch.device, tries: int = TRIES) -> float:
    """The shortest time of several, which others on the machine disturb least."""
    times: list[float] = []
    for _ in range(tries):
        began = perf_counter()
        work()
        if device.type == "cuda":
            torch.cuda.synchronize(device)
        times.append(perf_counter() - began)
    return min(times)


def resident(model: Model) -> tuple[int, int, int]:
    """Bytes of the parameters on the device during a walk, beside the codec at work, and at the most."""
    parts = {name: sum(map(size, nets)) for name, nets in model.family.parts.items()}
    walk, together = size(model.net), size(model.net) + sum(parts.values())
    if not model.offload:
        return together, together, together
    return walk, parts.get("codec", 0), max([walk, *parts.values()])


def size(net: nn.Module) -> int:
    """Bytes of a network's parameters."""
    return sum(p.numel() * p.element_size() for p in net.parameters())
