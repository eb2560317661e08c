import errno
import os
import threading
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import fields
from pathlib import Path as FilePath

import pytest
import torch
from tests.inversions.setting import Setting, Shout, setting
from torch import Tensor

from overpaint.families.tiny import SHAPES, Shape
from overpaint.files import store as module
from overpaint.files.store import Store, StoredDraft, default_folder, opened, sealed
from overpaint.guides import CFG
from overpaint.inversions import DDIM, Direct, Inversion, NullText, Recorded
from overpaint.inversions.cache import Cache, packed, unpacked
from overpaint.inversions.cache_key import key
from overpaint.inversions.choice import KINDS
from overpaint.inversions.trajectory import Trajectory
from overpaint.meter import Meter
from overpaint.model import Model
from overpaint.network import Residuals
from overpaint.noise import Noise, Replay

NAMES = ("ddim", "direct", "null-text", "negative-prompt", "cycle", "fixed-point", "prompt-tuning", "style")
SMALL: dict[str, float] = {"inner": 1, "source_guidance": 2, "iterations": 2, "rounds": 1, "rolls": 2}
SMALL["pinned"] = True
EVERY: list[Inversion] = [
    kind.model_validate({k: v for k, v in SMALL.items() if k in kind.model_fields})
    for kind in (KINDS[name] for name in (*NAMES, "regularised", "recorded"))
] + [Direct(form="offset")]


def cached(folder: FilePath, shape: Shape = "sd1", cap: int = 10**9) -> Setting:
    s = setting(shape, steps=2)
    s.model.cache = Cache(folder, cap)
    return s


def same(a: Trajectory, b: Trajectory) -> bool:
    """Equal to the bit in every field."""
    pairs = [(getattr(a, f.name), getattr(b, f.name)) for f in fields(Trajectory) if f.name != "more"]
    if a.more.keys() != b.more.keys():
        return False
    pairs += [(a.more[name], b.more[name]) for name in a.more]
    return all(torch.equal(x, y) if isinstance(x, Tensor) else x == y for x, y in pairs)


def rows_of(s: Setting, inversion: Inversion, scale: float = 3.0) -> int:
    """Network rows that one call costs now."""
    before = s.model.meter.rows
    s.run(inversion, scale)
    return s.model.meter.rows - before


def files(folder: FilePath) -> list[FilePath]:
    return sorted(folder.glob("*"))


@pytest.mark.sample(10)
@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("inversion", EVERY, ids=lambda i: i.model_dump()["name"])
def test_a_second_edit_inverts_nothing_and_gets_the_same(
    inversion: Inversion, shape: Shape, tmp_path: FilePath
) -> None:
    s = cached(tmp_path, shape)
    first = s.run(inversion)
    again = cached(tmp_path, shape)
    assert same(again.run(inversion), first)
    assert (again.model.meter.rows, again.model.meter.backwards) == (0, 0)
    fresh = inversion.run(s.model, s.path, s.x0, CFG(s.source, s.null, 3.0), Noise(0))
    assert same(fresh, first)
    assert first.latents.requires_grad is False


def test_one_inversion_serves_every_guidance_unless_it_depends_on_it(tmp_path: FilePath) -> None:
    s = cached(tmp_path)
    assert [rows_of(s, DDIM(), scale) for scale in (3.0, 7.5)] == [2, 0]
    assert [rows_of(s, NullText(inner=1), scale) > 0 for scale in (3.0, 7.5, 3.0)] == [True, True, False]


class Whisper:
    """A side network that says nothing, and a patch that changes nothing; known by its name."""

    def __init__(self, fingerprint: str) -> None:
        self.fingerprint = fingerprint

    def residuals(self, x: object, t: object, text: object, at: object) -> Residuals:
        return Residuals()

    @contextmanager
    def apply(self, model: Model) -> Generator[None, None, None]:
        yield


def test_side_networks_and_patches_are_known_by_their_content(tmp_path: FilePath) -> None:
    s = cached(tmp_path / "here")
    assert rows_of(s, DDIM()) == 2
    for attach in (s.model.side, s.model.patched):
        for name, rows in (("a", 2), ("a", 0), ("b", 2)):
            with attach(Whisper(f"{attach.__name__} {name}")):  # pyright: ignore[reportArgumentType]
                assert rows_of(s, DDIM()) == rows
    assert rows_of(s, DDIM()) == 0
    assert len(files(tmp_path / "here")) == 5


def test_with_controls_nothing_is_kept(tmp_path: FilePath) -> None:
    s = cached(tmp_path / "here")
    shout = Shout()
    shout.writes = frozenset()
    # It acts at the last step alone, where the inversion begins.
    shout.when = lambda at: at.step == at.steps - 1  # pyright: ignore[reportAttributeAccessIssue]
    shout.qkv = lambda site, at, q, k, v: (q, k, v)  # pyright: ignore[reportAttributeAccessIssue]
    with s.model.control(shout):
        assert [rows_of(s, DDIM()) for _ in range(2)] == [2, 2]
    assert files(tmp_path) == []


def test_what_costs_nothing_or_draws_from_no_seed_is_not_kept(tmp_path: FilePath) -> None:
    class Drawn(DDIM):
        @property
        def random(self) -> bool:
            return True

    s = cached(tmp_path / "here")
    s.run(Recorded())
    assert files(tmp_path) == []
    guide = CFG(s.source, s.null, 3.0)
    Drawn()(s.model, s.path, s.x0, guide, Replay({}))
    assert files(tmp_path) == []
    keys = {key(Drawn(), s.model, s.path, s.x0, guide, Noise(seed)) for seed in (0, 1)}
    assert len(keys) == 2


def spoil(data: bytes, how: str) -> bytes:
    match how:
        case "cut":
            return data[: len(data) // 2]
        case "flipped":
            return data[:-5] + bytes([data[-5] ^ 1]) + data[-4:]
        case "foreign":
            return b"not a trajectory at all"
        case "old":
            return data.replace(f'"format":"{module.FORMAT}"'.encode(), b'"format":"1"')
        case _:
            return b""


@pytest.mark.parametrize("how", ["cut", "flipped", "foreign", "old", "empty"])
def test_a_damaged_or_older_file_is_made_anew(how: str, tmp_path: FilePath) -> None:
    s = cached(tmp_path)
    first = s.run(DDIM())
    (file,) = files(tmp_path)
    good = file.read_bytes()
    file.write_bytes(spoil(good, how))
    assert file.read_bytes() != good
    assert rows_of(s, DDIM()) == 2
    assert same(s.run(DDIM()), first) and rows_of(s, DDIM()) == 0
    assert same(read(file.read_bytes()), first)


def test_no_flipped_byte_and_no_cut_goes_unseen(tmp_path: FilePath) -> None:
    good = written(numbered(1))
    file, cache = tmp_path / "a.safetensors", Cache(tmp_path)
    unseen: list[object] = []
    for k in range(0, len(good), max(1, len(good) // 300)):
        for bad in (good[:k], good[:k] + bytes([good[k] ^ 1 << k % 8]) + good[k + 1 :]):
            file.write_bytes(bad)
            found = get(cache, "a")
            # A flip within the padding of the header changes nothing that is read.
            unseen += [] if found is None or same(found, numbered(1)) else [k]
    assert unseen == []
    file.write_bytes(good)
    assert get(cache, "a") is not None


class Killed(BaseException):
    """What nobody catches."""


def half_done(s: Setting, inversion: Inversion, rows: int) -> None:
    """An inversion that ends, without being told, after so many rows."""

    def kill(meter: Meter) -> None:
        if meter.rows > rows:
            raise Killed

    with pytest.raises(Killed), s.model.metered(Meter(on_tick=kill)):
        s.run(inversion)


LONG = NullText(inner=2, stop=0, relax=0)


@pytest.mark.parametrize("rows, shape", [(1, "sd1"), (4, "sd1"), (11, "sd1"), (17, "sdxl")])
def test_a_killed_optimisation_goes_on_where_it_was_to_the_same_bits(
    rows: int, shape: Shape, tmp_path: FilePath, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "PATIENCE", 0.0)
    s = setting(shape, steps=4)
    whole = s.run(LONG)
    full, per_step = s.model.meter.rows, 4
    s.model.cache = Cache(tmp_path)
    half_done(s, LONG, rows)
    done = max(0, (rows - 4) // per_step)  # steps that were finished; four rows went into the inversion
    with s.model.metered(Meter()) as meter:
        assert same(s.run(LONG), whole)
        assert meter.rows == (full if rows < 4 else full - 4 - done * per_step)
    assert [file.name.count("draft") for file in files(tmp_path)] == [0]


def test_a_draft_that_is_damaged_or_of_other_settings_is_not_gone_on_from(tmp_path: FilePath) -> None:
    s = setting(steps=3)
    whole = s.run(LONG)
    s.model.cache = Cache(tmp_path)
    for how in ("cut", "flipped", "old"):
        half_done(s, LONG, 8)
        (draft,) = files(tmp_path)
        draft.write_bytes(spoil(draft.read_bytes(), how))
        assert same(s.run(LONG), whole)
        files(tmp_path)[0].unlink()
    half_done(s, LONG, 8)
    other = NullText(inner=2, stop=0, relax=0, lr=0.02)
    assert not same(s.run(other), whole) and len(files(tmp_path)) == 2


def test_drafts_take_a_small_share_of_the_time(tmp_path: FilePath, monkeypatch: pytest.MonkeyPatch) -> None:
    clock, wrote = [0.0], list[float]()
    monkeypatch.setattr(module.time, "monotonic", lambda: clock[0])

    def slow(name: str, data: bytes) -> None:
        wrote.append(clock[0])
        clock[0] += 1.0

    cache = Store(tmp_path)
    monkeypatch.setattr(cache, "write", slow)
    draft = StoredDraft(cache, "a", torch.device("cpu"))
    while clock[0] < 100:
        draft.keep({"x": torch.zeros(1)})
        clock[0] += 0.5
    assert wrote[:3] == [0.0, 10.0, 20.0]


def test_a_folder_that_cannot_be_made_is_said_once_and_done_without(tmp_path: FilePath) -> None:
    blocked = tmp_path / "file"
    blocked.write_text("here")
    s = cached(blocked / "below")
    with pytest.warns(UserWarning, match="cannot be kept in .*set OVERPAINT_CACHE"):
        assert rows_of(s, DDIM()) == 2
    assert rows_of(s, DDIM()) == 2


def test_a_folder_that_may_only_be_read_still_serves(
    tmp_path: FilePath, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refused(*_: object) -> None:
        raise PermissionError(errno.EACCES, "Permission denied")

    s = cached(tmp_path)
    s.run(DDIM())
    for name in ("utime", "replace"):
        monkeypatch.setattr(module.os, name, refused)
    assert rows_of(s, DDIM()) == 0
    with pytest.warns(UserWarning, match="Permission denied"):
        assert rows_of(s, Direct()) == 2


def test_a_full_disk_is_said_once_and_leaves_no_rest(
    tmp_path: FilePath, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(source: object, target: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    s = cached(tmp_path)
    monkeypatch.setattr(module.os, "replace", full)
    with pytest.warns(UserWarning, match="No space left on device"):
        assert rows_of(s, DDIM()) == 2
    assert files(tmp_path) == []


def test_an_interrupted_write_leaves_no_rest(tmp_path: FilePath, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupted(source: object, target: object) -> None:
        raise KeyboardInterrupt

    s = cached(tmp_path)
    monkeypatch.setattr(module.os, "replace", interrupted)
    with pytest.raises(KeyboardInterrupt):
        s.run(DDIM())
    assert files(tmp_path) == []


def written(found: Trajectory) -> bytes:
    """The bytes of a trajectory's file."""
    return sealed(*packed(found))


def read(data: bytes) -> Trajectory:
    """The trajectory in the bytes of a file."""
    return unpacked(*opened(data))


def numbered(n: float) -> Trajectory:
    return Trajectory(torch.arange(2), torch.full((3, 4, 8, 8), float(n)))


def put(cache: Cache, name: str, n: float) -> None:
    cache.store.write(name, written(numbered(n)))


def get(cache: Cache, name: str) -> Trajectory | None:
    found = cache.store.read(name, torch.device("cpu"))
    return None if found is None else unpacked(*found)


def test_the_files_not_looked_at_for_longest_go_first(tmp_path: FilePath) -> None:
    size = len(written(numbered(0)))
    cache = Cache(tmp_path, cap=3 * size)
    for k, name in enumerate("abc"):
        put(cache, name, k)
        os.utime(tmp_path / f"{name}.safetensors", (1000 + k, 1000 + k))
    assert get(cache, "a") is not None
    put(cache, "d", 4)
    assert [file.stem for file in files(tmp_path)] == ["a", "c", "d"]
    assert sum(file.stat().st_size for file in files(tmp_path)) <= cache.cap


def test_what_is_larger_than_the_whole_cache_is_not_kept(tmp_path: FilePath) -> None:
    cache = Cache(tmp_path, cap=len(written(numbered(0))))
    put(cache, "a", 0)
    cache.store.cap -= 1
    put(cache, "b", 0)
    assert [file.stem for file in files(tmp_path)] == ["a"]


def test_rests_of_killed_processes_are_swept_after_an_hour(tmp_path: FilePath) -> None:
    old, new = tmp_path / ".old.part", tmp_path / ".new.part"
    for rest in (old, new):
        rest.write_bytes(b"half")
    os.utime(old, (1000, 1000))
    put(Cache(tmp_path), "a", 0)
    assert [file.name for file in files(tmp_path)] == [".new.part", "a.safetensors"]


def test_many_may_share_a_folder(tmp_path: FilePath) -> None:
    cap = 2 * len(written(numbered(0)))
    wrong: list[object] = []

    def work(own: int) -> None:
        try:
            cache = Cache(tmp_path, cap)
            for k in range(30):
                name = (own + k) % 4
                put(cache, str(name), name)
                found = get(cache, str(name))
                if found is not None and not same(found, numbered(name)):
                    wrong.append(found)
        except Exception as error:
            wrong.append(error)

    threads = [threading.Thread(target=work, args=(k,)) for k in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert wrong == []
    assert not list(tmp_path.glob("*.part"))


def test_every_field_of_a_trajectory_comes_back() -> None:
    whole = Trajectory(
        torch.arange(2),
        torch.randn(3, 4, 2, 2, dtype=torch.float64, generator=torch.Generator().manual_seed(0)),
        torch.ones(2, 3, 4),
        torch.ones(1, 5),
        torch.zeros(2, 4, 2, 2),
        True,
    )
    assert same(read(written(whole)), whole)
    bare = Trajectory(torch.arange(2), torch.zeros(3, 4, 2, 2))
    assert same(read(written(bare)), bare)


def test_the_folder_is_the_users_choice_or_the_systems(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OVERPAINT_CACHE", "/somewhere/else")
    assert default_folder() == FilePath("/somewhere/else/inversions")
    monkeypatch.delenv("OVERPAINT_CACHE")
    monkeypatch.setenv("XDG_CACHE_HOME", "/xdg")
    expected = {
        "linux": FilePath("/xdg/overpaint/inversions"),
        "darwin": FilePath.home() / "Library/Caches/overpaint/inversions",
        "win32": FilePath("local") / "overpaint" / "inversions",
    }
    monkeypatch.setenv("LOCALAPPDATA", "local")
    for system, folder in expected.items():
        monkeypatch.setattr("overpaint.files.caches.sys.platform", system)
        assert default_folder() == folder
