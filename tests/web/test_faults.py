"""A server whose disk is full, whose queue is locked, whose clock jumps, whose client goes away."""

import json
import socket
import sqlite3
import time
from collections.abc import Mapping
from pathlib import Path
from threading import Event, Thread
from typing import Any
from urllib.parse import urlsplit

import pytest
from tests.cli.kit import SOURCE
from tests.web.kit import Client, serving, slowly, until
from tests.web.live import live

from overpaint.files import atomic
from overpaint.ledger import database, queue
from overpaint.ledger.entry import Entry
from overpaint.ledger.queue import Ledger
from overpaint.ledger.worker import Worker
from overpaint.meter import Meter
from overpaint.web import studio


def test_a_full_disk_holds_the_work_until_there_is_room(
    client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    real, full = atomic.write, Event()
    monkeypatch.setattr(studio, "REST", 0.05)
    image = client.picture()

    def write(path: Path, data: bytes, *, new: bool = False) -> None:
        if not full.is_set() and path.suffix == ".picture":
            tried.append(path)
            raise OSError(28, "No space left on device")
        real(path, data, new=new)

    tried = list[Path]()
    monkeypatch.setattr(atomic, "write", write)
    id = client.edit(image=image)
    until(lambda: len(tried), lambda count: count >= 2)
    full.set()
    work = client.until(id)
    assert work["result"]["picture"] and client.studio.ledger.get(id).deaths == 0


def test_a_queue_that_somebody_locks_is_a_sentence_and_then_goes_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(database, "PATIENCE", 0.1)
    with serving(tmp_path / "serve", devices=()) as idle:
        image = idle.picture()
        with sqlite3.connect(idle.studio.ledger.base.file, isolation_level=None) as other:
            other.execute("BEGIN IMMEDIATE")
            answer = idle.post("/api/edits", idle.asked(image=image))
            assert answer.status_code == 507 and "what is in it is kept" in answer.json()["error"]
            other.execute("ROLLBACK")
        other.close()
        assert idle.post("/api/edits", idle.asked(image=image)).status_code == 202


def test_a_clock_that_jumps_a_day_gives_one_result(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    ledger, real, ahead = Ledger(tmp_path), time.time, [0.0]
    monkeypatch.setattr(queue.time, "time", lambda: real() + ahead[0])
    id, begun, go_on, results = ledger.add({}), Event(), Event(), list[int]()

    def slow(entry: Entry, meter: Meter) -> Mapping[str, Any]:
        if entry.attempts == 1:
            begun.set()
            go_on.wait(30)
        results.append(entry.attempts)
        return {"attempt": entry.attempts}

    first = Thread(target=Worker(ledger, slow).run)
    first.start()
    assert begun.wait(30)
    ahead[0] = 86_400.0
    Worker(ledger, slow).run()
    go_on.set()
    first.join()
    entry = ledger.get(id)
    assert entry.state == "done" and entry.result == {"attempt": 2} and 2 in results


def test_a_client_that_goes_takes_its_work_along(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    slowly(monkeypatch, 0.1)
    with live(tmp_path / "serve") as (home, made):
        place = urlsplit(home)
        body = json.dumps({"prompt": SOURCE, "options": {"steps": 50}}).encode()
        head = f"POST /v1/images/generations HTTP/1.1\r\nHost: {place.netloc}\r\n"
        head += f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
        with socket.create_connection((place.hostname or "", place.port or 0)) as line:
            line.sendall(head.encode() + body)
            until(lambda: made.ledger.counts().get("running"), bool)
        until(lambda: made.ledger.counts(), lambda counts: counts == {"cancelled": 1})
