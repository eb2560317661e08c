"""A batch done by Ray on two workers of this machine: the same bytes, and no death loses anything."""

import os
import signal
import subprocess
import sys
import time
import warnings
from collections.abc import Generator, Mapping
from contextlib import suppress
from dataclasses import replace
from importlib import import_module
from pathlib import Path
from typing import Any

import psutil
import pytest
from tests.batch.kit import QUICK, Made, filled
from tests.cli.kit import TARGET, overpaint, save_folder

from overpaint.batch.asking import Asked
from overpaint.batch.cluster import Cluster, Crew
from overpaint.batch.doing import Tools
from overpaint.errors import UsageError
from overpaint.ledger.clerk import Clerk
from overpaint.ledger.entry import Entry, Lost
from overpaint.ledger.holder import Holder
from overpaint.ledger.queue import Ledger
from overpaint.meter import Meter
from overpaint.run.result import Edit


@pytest.fixture(scope="module")
def ray() -> Generator[Any, None, None]:
    """One Ray for the whole file, with two processors."""
    os.environ["RAY_USAGE_STATS_ENABLED"] = "0"
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        found: Any = import_module("ray")
        size = {"num_cpus": 2, "object_store_memory": 80 * 2**20}
        found.init(log_to_driver=False, logging_level="ERROR", include_dashboard=False, **size)
    yield found
    found.shutdown()


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save_folder(tmp_path_factory.mktemp("models") / "tiny")


@pytest.mark.parametrize("workers", [1, pytest.param(2, marks=pytest.mark.slow)])
def test_workers_elsewhere_give_the_bytes_of_one_here(
    ray: object, folder: Path, tmp_path: Path, workers: int
) -> None:
    pictures = filled(tmp_path / "in")
    (pictures / "broken.png").write_bytes(b"\x89PNG\r\n\x1a\n")
    own = ("--target", TARGET, "--method", "sdedit", "--model", folder, "--steps", "2", "--no-look")
    here = overpaint("batch", pictures, "--out", tmp_path / "here", *own, "--threads", "1")
    far = overpaint(
        "batch", pictures, "--out", tmp_path / "far", *own, "--engine", "ray", "--workers", str(workers)
    )
    assert here.code == far.code == 1, far.err
    assert "3 done, 1 failed" in far.out and "broken.png: " in far.err
    for name in ("cat0.png", "cat1.png", "deep/cat2.png"):
        assert (tmp_path / "far" / name).read_bytes() == (tmp_path / "here" / name).read_bytes()
    assert not list((tmp_path / "far" / ".overpaint").glob("*/*.png"))


class Deadly(Tools):
    """Ends its worker at one picture, and writes down who works."""

    def edited(self, work: Mapping[str, Any], meter: Meter) -> Edit:
        if work["name"] == "cat1.png":
            os.kill(os.getpid(), signal.SIGKILL)
        return super().edited(work, meter)


def wanted(folder: Path) -> Asked:
    model = {"name": str(folder), "dtype": "float32"}
    return Asked("sdedit", {"target": TARGET, "seed": 0}, QUICK, model=model)


@pytest.mark.slow
def test_a_picture_that_ends_its_workers_is_failed_and_the_rest_is_done(
    ray: Any, folder: Path, tmp_path: Path
) -> None:
    ray.cloudpickle.register_pickle_by_value(sys.modules[__name__])
    made = Made(filled(tmp_path / "in", 4), tmp_path / "out", wanted(folder)).put()
    told = list[tuple[str, str]]()
    crew = Cluster(made.ledger, made.batch.out, Deadly(cache=False, look=False), crew=Crew(2))
    crew.note = lambda entry: told.append((str(entry.work["name"]), entry.state))
    crew.run()
    assert made.batch.counts(made.ledger) == {"done": 3, "failed": 1}
    assert sorted(told) == [(f"cat{k}.png", "failed" if k == 1 else "done") for k in range(3)] + [
        ("deep/cat3.png", "done")
    ]
    (failed,) = made.ledger.entries("failed")
    assert failed.deaths == 2 and "ended its worker 2 times" in failed.said


@pytest.mark.slow
def test_a_killed_worker_costs_nothing_but_time(ray: object, folder: Path, tmp_path: Path) -> None:
    made = Made(filled(tmp_path / "in", 6), tmp_path / "out", wanted(folder)).put()
    crew = Cluster(made.ledger, made.batch.out, Tools(cache=False, look=False), crew=Crew(2))
    killed = list[int]()

    def kill(entry: Entry) -> None:
        for one in psutil.process_iter():
            with suppress(psutil.Error):
                if not killed and one.name().startswith("ray::MapWorker"):
                    one.kill()
                    killed.append(one.pid)

    crew.note = kill
    crew.run()
    assert killed and made.batch.counts(made.ledger) == {"done": 6}


@pytest.mark.slow
def test_a_killed_command_is_gone_on_with(folder: Path, tmp_path: Path) -> None:
    out, pictures = tmp_path / "out", filled(tmp_path / "in", 6)
    said = ("batch", pictures, "--out", out, "--target", TARGET, "--method", "sdedit", "--model", folder)
    command = [sys.executable, "-m", "overpaint", *said, "--steps", "2", "--no-look", "--engine", "ray"]
    for _ in range(2):
        driver = subprocess.Popen([str(one) for one in command], stderr=subprocess.DEVNULL)
        there = len(list(out.glob("cat*.png")))
        while driver.poll() is None and len(list(out.glob("cat*.png"))) == there:
            time.sleep(0.05)
        driver.kill()
        driver.wait()
    before = {one: one.stat().st_mtime_ns for one in out.glob("cat*.png")}
    done = subprocess.run([str(one) for one in command], capture_output=True, text=True, check=False)
    assert done.returncode == 0 and "6 done" in done.stdout, done.stderr
    assert before and before.items() <= {one: one.stat().st_mtime_ns for one in out.glob("cat*.png")}.items()
    assert all(entry.deaths == 0 for entry in Ledger(out / ".overpaint").entries())


def test_the_clerk_knows_a_death_by_who_asks_and_a_dead_command_blames_no_picture(tmp_path: Path) -> None:
    ledger = Ledger(tmp_path)
    id = ledger.add({"n": 1})
    clerk = Clerk(tmp_path)
    first = clerk.claim(id)
    assert isinstance(first, Entry) and clerk.holds()
    second = clerk.claim(id)
    assert isinstance(second, Entry) and second.deaths == 1
    with pytest.raises(Lost):
        clerk.tell("finish", first, {})
    clerk.go()  # as the system does for a killed one
    ledger.reclaim()
    again = ledger.get(id)
    assert again.state == "queued" and again.deaths == 1
    with Holder(tmp_path) as local:
        held = ledger.lease(local)
        assert held is not None
        other = Clerk(tmp_path)
        assert other.claim(id) is False
        ledger.give_back(held)
    ledger.pause()
    assert other.claim(id) is True
    other.stop()
    assert other.claim(id) is False
    other.go()


def test_a_crew_fits_its_cluster_or_is_refused() -> None:
    assert Crew().of({"CPU": 16.0, "GPU": 4.0}, None) == Crew(4, 1.0, 1)
    assert Crew().of({"CPU": 16.0, "GPU": 4.0}, "cpu") == Crew(16, 0.0, 1)
    assert Crew(gpus=0.5, threads=2).of({"CPU": 16.0, "GPU": 4.0}, None) == Crew(8, 0.5, 2)
    with pytest.raises(UsageError, match="5 workers with 1 GPUs and 1 threads each do not fit"):
        replace(Crew(), workers=5).of({"CPU": 16.0, "GPU": 4.0}, None)
    said = overpaint("batch", ".", "--out", "out", "--target", "x", "--workers", "2")
    assert said.code == 2 and "--workers is for --engine ray" in said.err
