"""A look at the machine: what an edit stands on, and a sentence for each thing that is wrong."""

import json
import math
import os
import shutil
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, requires, version
from pathlib import Path
from typing import Literal

import numpy as np
import torch
from packaging.requirements import Requirement
from pydantic import BaseModel, ConfigDict

from overpaint import api
from overpaint.choosing import choices, score
from overpaint.choosing.telling import STALE, stale
from overpaint.errors import OverpaintError
from overpaint.families.load import SHIPPED
from overpaint.files.sizes import amount
from overpaint.files.store import CAP, default_folder
from overpaint.images import from_tensor
from overpaint.meter import Cancelled, Meter
from overpaint.model import Model
from overpaint.run.loading import load
from overpaint.run.loading import threads as limited
from overpaint.stilllife.edits import pairs
from overpaint.stilllife.render import render
from overpaint.stilllife.scene import FRAME

LEAST_MEMORY = 10**9
LEAST_DISK = 10**9
SLOW = 1.0
"""Seconds a row of Still Life may take; a usual processor needs less than a tenth."""
STEPS = 10
LONG = 10.0
"""Seconds after which the edit is cut off."""
AGAIN = "install overpaint again: pip install --force-reinstall --no-deps overpaint"
Area = Literal["versions", "device", "memory", "disk", "threads", "cache", "model", "choosing", "edit"]


class Finding(BaseModel):
    """What was seen of one thing, and what is wrong with it if anything is."""

    model_config = ConfigDict(frozen=True)

    area: Area
    facts: dict[str, str | int | float | None]
    wrong: tuple[str, ...] = ()
    """Sentences: what is wrong and how to mend it."""


def diagnose() -> list[Finding]:
    """Look at everything; a look that fails is a finding too."""
    looks: Mapping[Area, Callable[[], Finding]] = {
        "versions": versions,
        "device": device,
        "memory": memory,
        "disk": disk,
        "threads": threads,
        "cache": cache,
        "model": weights,
        "choosing": choosing,
        "edit": edit,
    }
    return [looked(area, look) for area, look in looks.items()]


def looked(area: Area, look: Callable[[], Finding]) -> Finding:
    """One look."""
    try:
        return look()
    except OverpaintError as error:
        return Finding(area=area, facts={}, wrong=(str(error),))
    except Exception as error:
        words = " ".join(f"{type(error).__name__}: {error}".split())[:160]
        return Finding(area=area, facts={}, wrong=(f"The look at this failed ({words}); please report it.",))


def versions() -> Finding:
    """Every package that is needed, in a version that was tested."""
    wanted = [Requirement(text) for text in requires("overpaint") or ()]
    facts: dict[str, str | int | float | None] = {"overpaint": version("overpaint")}
    wrong: list[str] = []
    for one in wanted:
        if one.marker is not None and not one.marker.evaluate({"extra": ""}):
            continue
        try:
            there = version(one.name)
        except PackageNotFoundError:
            there = None
        facts[one.name] = there
        mend = f"pip install '{one.name}{one.specifier}'"
        if there is None:
            wrong.append(f"The package {one.name} is not installed; run: {mend}.")
        elif not one.specifier.contains(there, prereleases=True):
            wrong.append(f"The package {one.name} {there} is not supported; run: {mend}.")
    return Finding(area="versions", facts=facts, wrong=tuple(wrong))


def device() -> Finding:
    """Where networks run, and whether a card is there that they do not use."""
    if torch.cuda.is_available():
        free, total = torch.cuda.mem_get_info()
        facts: dict[str, str | int | float | None] = {"device": f"cuda ({torch.cuda.get_device_name()})"}
        return Finding(area="device", facts=facts | {"free bytes": free, "bytes": total})
    if torch.backends.mps.is_available():
        return Finding(area="device", facts={"device": "mps"})
    card = Path("/proc/driver/nvidia/version").exists()
    built = torch.version.cuda is not None
    wrong = ()
    if card and os.environ.get("CUDA_VISIBLE_DEVICES") in ("", "-1"):
        wrong = ("An NVIDIA card is hidden by CUDA_VISIBLE_DEVICES; unset it to compute there.",)
    elif card:
        reason = (
            "cannot reach it; update its driver" if built else "was built without CUDA; install one with it"
        )
        wrong = (f"There is an NVIDIA card, but this torch {reason} (https://pytorch.org/get-started).",)
    return Finding(area="device", facts={"device": "cpu"}, wrong=wrong)


def memory() -> Finding:
    """What is free of the machine's memory, or of what this process may take of it."""
    free = free_memory()
    wrong = ()
    if free is not None and free < LEAST_MEMORY:
        wrong = (
            f"Only {amount(free)} of memory are free; close other programs, or give edits --memory 500MB.",
        )
    return Finding(area="memory", facts={"free bytes": free}, wrong=wrong)


def free_memory(proc: Path = Path("/proc/meminfo"), group: Path = Path("/sys/fs/cgroup")) -> int | None:
    """Bytes that can still be had; nothing where the system does not say."""
    found: list[int] = []
    try:
        lines = dict(line.split(":", 1) for line in proc.read_text().splitlines() if ":" in line)
        found.append(int(lines["MemAvailable"].split()[0]) * 1024)
    except (OSError, KeyError, ValueError, IndexError):
        pass
    try:
        limit, used = ((group / name).read_text().strip() for name in ("memory.max", "memory.current"))
        stat = dict(line.split() for line in (group / "memory.stat").read_text().splitlines())
        # Files that were read are counted as used, but give way.
        held = 0 if limit == "max" else int(used) - int(stat.get("inactive_file", 0))
        found += [] if limit == "max" else [max(0, int(limit) - held)]
    except (OSError, ValueError):
        pass
    return min(found, default=None)


def disk() -> Finding:
    """Room where inversions are kept, and where pictures go unless told otherwise."""
    wrong: list[str] = []
    facts: dict[str, str | int | float | None] = {}
    for name, folder in {"cache": default_folder(), "here": Path.cwd()}.items():
        there = next(one for one in (folder, *folder.parents) if one.exists())
        free = shutil.disk_usage(there).free
        facts[f"free bytes ({name})"] = free
        if free < LEAST_DISK:
            mend = "make room, or set OVERPAINT_CACHE to another disk" if name == "cache" else "make room"
            wrong.append(f"Only {amount(free)} are free on the disk of {there}; {mend}.")
    return Finding(area="disk", facts=facts, wrong=tuple(wrong))


def threads() -> Finding:
    """As many threads as there are processors for this process."""
    used, cores, said = torch.get_num_threads(), processors(), os.environ.get("OMP_NUM_THREADS")
    wrong = ()
    because = f" (OMP_NUM_THREADS is {said})" if said else ""
    mend = "unset OMP_NUM_THREADS, or give" if said else "give"
    if used > cores:
        wrong = (f"{used} threads share {cores} processors{because}; {mend} --threads {cores}.",)
    elif used < cores // 2:
        wrong = (f"Only {used} of {cores} processors are used{because}; {mend} --threads {cores}.",)
    load = round(os.getloadavg()[0], 1) if hasattr(os, "getloadavg") else None
    return Finding(
        area="threads",
        facts={"threads": used, "processors": cores, "load": load, "OMP_NUM_THREADS": said},
        wrong=wrong,
    )


def processors(group: Path = Path("/sys/fs/cgroup/cpu.max")) -> int:
    """Those that this process may use; in a container fewer than the machine has."""
    has = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    try:
        quota, period = group.read_text().split()
        return has if quota == "max" else max(1, min(has, math.ceil(int(quota) / int(period))))
    except (OSError, ValueError):
        return has


def cache() -> Finding:
    """Where inversions are kept: how many, and whether more can be."""
    folder = default_folder()
    files = list(folder.glob("[!.]*.safetensors")) if folder.is_dir() else []
    size = sum(file.stat().st_size for file in files if file.exists())
    facts: dict[str, str | int | float | None] = {"folder": str(folder), "files": len(files)}
    there = next(one for one in (folder, *folder.parents) if one.exists())
    wrong = ()
    mend = "set OVERPAINT_CACHE to a folder of your own, or give --no-cache"
    if not there.is_dir():
        wrong = (f"{there} is a file, so inversions cannot be kept in {folder}; {mend}.",)
    elif not os.access(there, os.W_OK | os.X_OK):
        wrong = (f"Inversions cannot be kept in {folder}, as {there} may not be written to; {mend}.",)
    return Finding(area="cache", facts=facts | {"bytes": size, "cap": CAP}, wrong=wrong)


def weights() -> Finding:
    """The shipped model, whole."""
    home = SHIPPED["still-life"]
    files = sorted(home.glob("*/*.safetensors"))
    cut = [file.relative_to(home) for file in files if not whole(file)]
    wrong = ()
    if not files:
        wrong = (f"The shipped model is not in {home}; {AGAIN}.",)
    elif cut:
        wrong = (f"The shipped weights {cut[0]} are damaged; {AGAIN}.",)
    total = sum(file.stat().st_size for file in files)
    return Finding(area="model", facts={"folder": str(home), "bytes": total}, wrong=wrong)


def choosing() -> Finding:
    """What was learned from edits with a known answer, and whether it belongs to the model and this code."""
    first, judged = choices.shipped(), score.shipped()
    if first is None or judged is None:
        wrong = f"What --method auto goes by cannot be read, so it chooses among less; {AGAIN}."
        return Finding(area="choosing", facts={}, wrong=(wrong,))
    wrong = [STALE] if stale(first.telling, judged.telling) else []
    if {first.model, judged.model} != {load().fingerprint}:
        wrong.append(f"What --method auto goes by is not of the shipped model, so it is left aside; {AGAIN}.")
    facts: dict[str, str | int | float | None] = {"cases": first.cases, "edits": judged.cases}
    return Finding(area="choosing", facts=facts, wrong=tuple(wrong))


def whole(file: Path) -> bool:
    """Whether a file of weights is as long as it says."""
    with file.open("rb") as opened:
        head = int.from_bytes(opened.read(8), "little")
        if head > 10**8:
            return False
        try:
            parts = json.loads(opened.read(head))
            ends = [part["data_offsets"][1] for name, part in parts.items() if name != "__metadata__"]
        except (ValueError, KeyError, TypeError, AttributeError):
            return False
    return file.stat().st_size == 8 + head + max(ends, default=0)


@dataclass(frozen=True)
class Trial:
    """A short edit, cut off after some seconds."""

    threads: int
    seconds: float
    rows: int
    changed: bool | None
    """Whether the picture changed; nothing if it was cut off."""

    @property
    def pace(self) -> float:
        """Seconds a row."""
        return self.seconds / max(self.rows, 1)


def edit() -> Finding:
    """A short edit of a drawn picture: whether it changes anything, and how long a row takes.

    Where rows are slow it is tried with one thread as well: beside other programs several threads of one
    operation wait for one another.
    """
    model = load()
    first = tried(model, torch.get_num_threads())
    trials = [first] if first.pace <= SLOW or first.threads == 1 else [first, tried(model, 1)]
    wrong: list[str] = []
    if any(one.changed is False for one in trials):
        wrong.append("An edit changed nothing; install torch and diffusers again in the versions above.")
    said, alone = f"An edit takes {first.pace:.2g} s a row", trials[-1]
    if alone.pace < first.pace / 2:
        wrong.append(
            f"{said} with {first.threads} threads and {alone.pace:.2g} s with one, as other programs keep "
            "the processors busy; end them, or give --threads 1."
        )
    elif first.pace > SLOW:
        wrong.append(f"{said}; use a faster device, or end what else runs here.")
    facts: dict[str, str | int | float | None] = {}
    for one in trials:
        facts[f"seconds a row with {one.threads} thread{'s' * (one.threads > 1)}"] = round(one.pace, 3)
    return Finding(
        area="edit",
        facts={"rows": first.rows, "seconds": round(first.seconds, 1), **facts},
        wrong=tuple(wrong),
    )


def tried(model: Model, threads: int) -> Trial:
    """The edit with so many threads, cut off after ten seconds."""
    case = pairs(0, "colour")
    picture = from_tensor(render([case.source], FRAME) * 2 - 1)
    meter, changed = Meter(), None

    def watch(meter: Meter) -> None:
        if meter.seconds > LONG:
            meter.cancel()

    meter.on_tick = watch
    with limited(threads), suppress(Cancelled):
        done = api.edit(
            picture,
            source=case.source_prompt,
            target=case.target_prompt,
            model=model,
            meter=meter,
            steps=STEPS,
        )
        changed = not np.array_equal(done.picture.rgb, picture.rgb)
    return Trial(threads, meter.seconds, meter.rows, changed)
