"""What tests of batches share: a folder of pictures, and a batch on the tiny model in this process."""

from dataclasses import dataclass, field
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest
from tests.cli.kit import TARGET, save_picture
from tests.kit import shared

from overpaint.batch.asking import Asked
from overpaint.batch.batch import Batch
from overpaint.batch.doing import Doer, Tools
from overpaint.batch.listing import listed
from overpaint.batch.naming import Names
from overpaint.batch.place import Place, ledger_folder
from overpaint.ledger.queue import Ledger
from overpaint.ledger.worker import Worker
from overpaint.model import Model

QUICK: dict[str, Any] = {"steps": 2}


def on_the_tiny_model(monkeypatch: pytest.MonkeyPatch) -> None:
    """Work is done on the model of the tests, whatever it names."""

    def model(tools: object, told: object) -> Model:
        return shared()

    monkeypatch.setattr(Tools, "model", model)


def in_memory() -> Any:
    """The store of objects in memory, which knows what is written to ``memory://``."""
    fsspec: Any = import_module("fsspec")
    return fsspec.filesystem("memory")


def filled(folder: Path, count: int = 3) -> Path:
    """A folder with so many pictures, the last in a folder of its own."""
    (folder / "deep").mkdir(parents=True)
    for k in range(count - 1):
        save_picture(folder / f"cat{k}.png", 32, 32 + 8 * k)
    save_picture(folder / "deep" / f"cat{count - 1}.png")
    return folder


@dataclass
class Made:
    """A batch and its queue, as the command line makes them."""

    input: str | Path
    out: Path | str
    asked: Asked = field(
        default_factory=lambda: Asked("sdedit", {"target": TARGET, "seed": 0}, QUICK, model={"name": "tiny"})
    )
    names: str = "{folder}/{stem}.png"
    overwrite: bool = False
    skip: bool = False

    def __post_init__(self) -> None:
        place = Place.of(str(self.out))
        self.batch = Batch(place, self.asked, Names(self.names), self.overwrite, self.skip)
        self.ledger = Ledger(ledger_folder(place))

    def put(self) -> "Made":
        """Queue it."""
        self.batch.put(listed(str(self.input)), self.ledger)
        return self

    def done(self) -> dict[str, int]:
        """Do it, queued before where it is not yet; how many are in which state."""
        if not self.batch.ids:
            self.put()
        tools = Tools(cache=False, look=False)
        Worker(
            self.ledger, Doer(self.ledger, self.batch.out, tools, self.overwrite, self.ledger.folder)
        ).run()
        return self.batch.counts(self.ledger)

    @property
    def problems(self) -> list[str]:
        """What was wrong with rows."""
        return [one.sentence for one in self.batch.problems]
