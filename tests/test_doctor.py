"""Every fault that is looked for is simulated, and has a sentence that says how to mend it."""

import shutil
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import torch

from overpaint import doctor
from overpaint.choosing import telling
from overpaint.doctor import Finding, Trial
from overpaint.errors import UsageError

Patch = pytest.MonkeyPatch


@pytest.fixture(autouse=True)
def own_cache(tmp_path: Path, monkeypatch: Patch) -> None:
    monkeypatch.setenv("OVERPAINT_CACHE", str(tmp_path / "cache"))
    for name in ("OMP_NUM_THREADS", "CUDA_VISIBLE_DEVICES"):
        monkeypatch.delenv(name, raising=False)


def returning(value: object) -> Callable[..., Any]:
    def given(*_: object) -> object:
        return value

    return given


def sentence(found: Finding) -> str:
    (one,) = found.wrong
    assert one.endswith(".") and "\n" not in one
    return one


def test_versions_as_they_are_supported() -> None:
    found = doctor.versions()
    assert found.wrong == () and {"torch", "diffusers", "pillow"} <= set(found.facts)
    assert "pytest" not in found.facts


def test_a_package_that_is_missing_or_too_old(monkeypatch: Patch) -> None:
    real = doctor.version

    def old(name: str) -> str:
        return "0.1" if name == "diffusers" else real(name)

    monkeypatch.setattr(doctor, "version", old)
    assert "diffusers 0.1 is not supported; run: pip install 'diffusers" in sentence(doctor.versions())

    def none(name: str) -> str:
        if name == "pillow":
            raise doctor.PackageNotFoundError(name)
        return real(name)

    monkeypatch.setattr(doctor, "version", none)
    assert "pillow is not installed; run: pip install 'pillow" in sentence(doctor.versions())


@pytest.mark.parametrize(
    "built, hidden, words",
    [(None, None, "built without CUDA"), ("12.8", None, "update its driver"), ("12.8", "", "unset it")],
)
def test_a_card_that_is_not_used(
    built: str | None, hidden: str | None, words: str, monkeypatch: Patch
) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", returning(False))
    monkeypatch.setattr(torch.version, "cuda", built)
    real = Path.exists

    def exists(path: Path) -> bool:
        return True if str(path) == "/proc/driver/nvidia/version" else real(path)

    monkeypatch.setattr(Path, "exists", exists)
    if hidden is not None:
        monkeypatch.setenv("CUDA_VISIBLE_DEVICES", hidden)
    assert words in sentence(doctor.device())


def test_devices_without_fault(monkeypatch: Patch) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", returning(False))
    monkeypatch.setattr(torch.backends.mps, "is_available", returning(False))
    assert doctor.device() == Finding(area="device", facts={"device": "cpu"})
    monkeypatch.setattr(torch.cuda, "is_available", returning(True))
    monkeypatch.setattr(torch.cuda, "mem_get_info", returning((5, 9)))
    monkeypatch.setattr(torch.cuda, "get_device_name", returning("Card"))
    assert doctor.device().facts == {"device": "cuda (Card)", "free bytes": 5, "bytes": 9}


@pytest.mark.parametrize("free, well", [(2 * 10**9, True), (10**8, False), (None, True)])
def test_memory(free: int | None, well: bool, monkeypatch: Patch) -> None:
    monkeypatch.setattr(doctor, "free_memory", returning(free))
    found = doctor.memory()
    assert found.facts == {"free bytes": free}
    assert found.wrong == () if well else "100 MB of memory are free; close other" in sentence(found)


def test_free_memory_is_the_machine_s_or_the_container_s(tmp_path: Path) -> None:
    proc, group = tmp_path / "meminfo", tmp_path / "group"
    assert doctor.free_memory(proc, group) is None
    proc.write_text("MemTotal: 9 kB\nMemAvailable:   4 kB\n")
    assert doctor.free_memory(proc, group) == 4096
    group.mkdir()
    for name, text in {
        "memory.max": "5000",
        "memory.current": "3000",
        "memory.stat": "inactive_file 500",
    }.items():
        (group / name).write_text(text + "\n")
    assert doctor.free_memory(proc, group) == 2500
    (group / "memory.max").write_text("max\n")
    assert doctor.free_memory(proc, group) == 4096


def test_disk(monkeypatch: Patch) -> None:
    assert doctor.disk().wrong == () or "free on the disk" in doctor.disk().wrong[0]
    monkeypatch.setattr(shutil, "disk_usage", returning(SimpleNamespace(free=10**7)))
    first, second = doctor.disk().wrong
    assert "10 MB are free" in first and "OVERPAINT_CACHE" in first and str(Path.cwd()) in second


@pytest.mark.parametrize(
    "used, said, words",
    [
        (64, "64", "64 threads share 8 processors (OMP_NUM_THREADS is 64); unset OMP_NUM_THREADS, or give"),
        (9, None, "9 threads share 8 processors; give --threads 8"),
        (1, "1", "Only 1 of 8 processors are used (OMP_NUM_THREADS is 1); unset"),
        (4, None, ""),
        (8, "8", ""),
    ],
)
def test_threads(used: int, said: str | None, words: str, monkeypatch: Patch) -> None:
    monkeypatch.setattr(torch, "get_num_threads", returning(used))
    monkeypatch.setattr(doctor, "processors", returning(8))
    if said is not None:
        monkeypatch.setenv("OMP_NUM_THREADS", said)
    found = doctor.threads()
    assert words in sentence(found) if words else found.wrong == ()


def test_processors_are_those_of_the_container(tmp_path: Path, monkeypatch: Patch) -> None:
    monkeypatch.setattr(doctor.os, "sched_getaffinity", returning(set(range(16))), raising=False)
    limits = {"max 100000": 16, "250000 100000": 3, "50000 100000": 1, "nonsense": 16}
    for text, want in limits.items():
        (tmp_path / "cpu.max").write_text(text)
        assert doctor.processors(tmp_path / "cpu.max") == want
    assert doctor.processors(tmp_path / "none") == 16


def test_cache(tmp_path: Path, monkeypatch: Patch) -> None:
    folder = tmp_path / "cache" / "inversions"
    assert doctor.cache().wrong == () and doctor.cache().facts["files"] == 0
    folder.mkdir(parents=True)
    for name in ("a.safetensors", ".b.safetensors.0.part"):
        (folder / name).write_bytes(b"1234")
    facts = doctor.cache().facts
    assert (facts["files"], facts["bytes"], facts["folder"]) == (1, 4, str(folder))
    monkeypatch.setattr(doctor.os, "access", returning(False))
    assert "may not be written to; set OVERPAINT_CACHE" in sentence(doctor.cache())


def test_a_cache_behind_a_file(tmp_path: Path) -> None:
    (tmp_path / "cache").write_text("a file")
    assert "is a file, so inversions cannot be kept" in sentence(doctor.cache())


def test_weights(tmp_path: Path, monkeypatch: Patch) -> None:
    assert doctor.weights().wrong == ()
    home = tmp_path / "model"
    monkeypatch.setattr(doctor, "SHIPPED", {"still-life": home})
    assert "is not in" in sentence(doctor.weights())
    shutil.copytree(Path(doctor.__file__).parent / "stilllife" / "model" / "judge", home / "judge")
    assert doctor.weights().wrong == ()
    file = home / "judge" / "model.safetensors"
    good = file.read_bytes()
    for bad in (good[:-1], good[: len(good) // 2], good[:20], b"", b"\xff" * 100):
        file.write_bytes(bad)
        assert "judge/model.safetensors are damaged; install" in sentence(doctor.weights())


def test_what_was_learned(monkeypatch: Patch) -> None:
    well = doctor.choosing()
    assert well.wrong == () and well.facts == {"cases": 200, "edits": 2200}
    with monkeypatch.context() as changed:
        changed.setattr(telling, "telling", returning("another"))
        assert "signals that were found otherwise than now" in sentence(doctor.choosing())
    with monkeypatch.context() as changed:
        changed.setattr(doctor, "load", returning(SimpleNamespace(fingerprint="another")))
        assert "is not of the shipped model" in sentence(doctor.choosing())
    monkeypatch.setattr(doctor.score, "shipped", returning(None))
    assert "cannot be read" in sentence(doctor.choosing())


def paced(*paces: float, changed: bool | None = True) -> Callable[..., Trial]:
    """Stands in for trials, with so many seconds a row: the first with all threads, then with one."""
    left = list(paces)

    def trial(_: object, threads: int) -> Trial:
        return Trial(threads, 40 * left.pop(0), 40, changed)

    return trial


@pytest.mark.parametrize(
    "paces, changed, words",
    [
        ((0.05,), True, ""),
        ((3.0, 0.2), True, "3 s a row with 8 threads and 0.2 s with one, as other programs keep"),
        ((3.0, 2.9), None, "3 s a row; use a faster device"),
        ((0.05,), False, "changed nothing; install torch"),
    ],
)
def test_an_edit_that_is_slow_or_changes_nothing(
    paces: tuple[float, ...], changed: bool | None, words: str, monkeypatch: Patch
) -> None:
    monkeypatch.setattr(doctor, "load", returning(None))
    monkeypatch.setattr(torch, "get_num_threads", returning(8))
    monkeypatch.setattr(doctor, "tried", paced(*paces, changed=changed))
    found = doctor.edit()
    assert words in sentence(found) if words else found.wrong == ()
    assert len([name for name in found.facts if name.startswith("seconds a row")]) == len(paces)


def test_the_real_edit_changes_something_and_is_cut_off_in_time(monkeypatch: Patch) -> None:
    model = doctor.load()
    monkeypatch.setattr(doctor, "STEPS", 2)
    whole = doctor.tried(model, 1)
    assert whole.changed is True or whole.seconds > doctor.LONG
    monkeypatch.setattr(doctor, "LONG", 0.0)
    cut = doctor.tried(model, 1)
    assert cut.changed is None and cut.rows <= 2 < whole.rows


def test_a_look_that_fails_is_a_finding(monkeypatch: Patch) -> None:
    def refused() -> Finding:
        raise UsageError("The model folder lacks a part.")

    def broken() -> Finding:
        raise ZeroDivisionError("of\nsomething")

    for name in ("versions", "device", "memory", "disk", "threads", "cache", "model", "choosing", "edit"):
        look = {"model": "weights"}.get(name, name)
        monkeypatch.setattr(doctor, look, returning(Finding(area="disk", facts={})))
    monkeypatch.setattr(doctor, "weights", refused)
    monkeypatch.setattr(doctor, "edit", broken)
    found = {one.area: one for one in doctor.diagnose()[-3:]}
    assert found["model"].wrong == ("The model folder lacks a part.",)
    assert sentence(found["edit"]).startswith("The look at this failed (ZeroDivisionError: of something)")
