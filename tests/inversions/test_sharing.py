"""Two real processes editing the same picture with one cache, and disks that fail."""

import os
import resource
import signal
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from tests.inversions.setting import setting

from overpaint.files.store import opened
from overpaint.inversions import DDIM, NullText
from overpaint.inversions.cache import Cache

LONG = NullText(inner=2, stop=0, relax=0)
CODE = """
import sys, torch
from pathlib import Path
torch.set_num_threads(1)
from overpaint.files.fingerprint import tensor_hash
from overpaint.inversions import cache
from tests.inversions.setting import setting
from tests.inversions.test_sharing import LONG
cache.PATIENCE = 0.0
s = setting(steps=3)
s.model.cache = cache.Cache(Path(sys.argv[1]))
print("ready", flush=True)
sys.stdin.readline()
for _ in range(3):
    found = s.run(LONG)
    print(tensor_hash(found.latents, found.nulls), flush=True)
    for file in Path(sys.argv[1]).glob("[!.]*.safetensors"):
        file.unlink(missing_ok=True)  # so that the other one is disturbed as much as can be
"""


def test_two_processes_share_a_cache_without_harm(tmp_path: Path) -> None:
    from overpaint.files.fingerprint import tensor_hash

    alone = setting(steps=3).run(LONG)
    assert alone.nulls is not None
    started = [
        subprocess.Popen(
            [sys.executable, "-c", CODE, str(tmp_path)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env={**os.environ, "OMP_NUM_THREADS": "1"},
            cwd=Path(__file__).parents[2],
        )
        for _ in range(2)
    ]
    for process in started:
        assert process.stdout is not None and process.stdout.readline() == "ready\n"
    said = [process.communicate("go\n", timeout=120)[0].split() for process in started]
    assert said == [[tensor_hash(alone.latents, alone.nulls)] * 3] * 2
    assert [process.returncode for process in started] == [0, 0]
    for file in tmp_path.glob("[!.]*"):
        opened(file.read_bytes())
    assert not list(tmp_path.glob("*.part"))


def test_a_disk_that_takes_no_more_costs_the_cache_alone(tmp_path: Path) -> None:
    """The system itself refuses the write: no file of this process may grow beyond 4 kB."""
    s = setting(steps=3)
    expected = s.run(LONG)
    s.model.cache = Cache(tmp_path)
    before = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (4096, hard))
    try:
        with pytest.warns(UserWarning, match="cannot be kept in .*File too large"):
            found = s.run(LONG)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
        signal.signal(signal.SIGXFSZ, before)
    assert found.nulls is not None and expected.nulls is not None
    assert torch.equal(found.nulls, expected.nulls)
    assert list(tmp_path.iterdir()) == []


def mounted(folder: Path) -> bool:
    """A disk of 64 kB, where the system lets us have one."""
    command = ["mount", "-t", "tmpfs", "-o", "size=64k", "tmpfs", str(folder)]
    try:
        return subprocess.run(command, capture_output=True, check=False).returncode == 0
    except OSError:
        return False


def test_a_disk_that_is_full_costs_the_cache_alone(tmp_path: Path) -> None:
    disk = tmp_path / "disk"
    disk.mkdir()
    if not mounted(disk):
        pytest.skip("mounting is not permitted here")
    try:
        (disk / "filler").write_bytes(b"0" * 60_000)
        s = setting(steps=3)
        expected = s.run(DDIM())
        s.model.cache = Cache(disk)
        with pytest.warns(UserWarning, match="No space left on device.*set OVERPAINT_CACHE"):
            found = s.run(DDIM())
        assert torch.equal(found.latents, expected.latents)
        assert [file.name for file in disk.iterdir()] == ["filler"]
    finally:
        subprocess.run(["umount", str(disk)], check=True)
