"""A batch on many machines: Ray hands the pictures out, and the queue stays the truth about each.

The queue lies on one disk, beside the command. Ray Data sends the ids of what waits to actors, one for each
GPU, which read, edit and write the pictures themselves. An actor asks a clerk, who sits beside the queue, for
the work of an id, and tells him how it goes, as a worker on the spot tells the queue. So leases, deaths,
pause and cancel are the same. Ray starts a dead actor again and gives it the same ids; who asks for a picture
that another actor of the same command held knows that this one has died.

Checkpoints of Ray Data would remember finished ids alone: no failures with their sentences, no attempts, no
pause, and nothing that a local worker could go on with.
"""

import os
import time
import warnings
from collections.abc import Callable, Generator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from threading import Event, Thread
from typing import Any
from uuid import uuid4

from overpaint import __version__
from overpaint.batch.doing import Doer, Tools
from overpaint.batch.place import Place
from overpaint.errors import UsageError
from overpaint.ledger.clerk import Clerk, Distant
from overpaint.ledger.entry import Entry, LedgerError
from overpaint.ledger.queue import Ledger
from overpaint.ledger.worker import Hand
from overpaint.run.loading import threads

LOOK = 1.0
"""Seconds between two looks at whether somebody wants work to stop, over the network."""
BLOCKS = 10_000
"""Parts that the ids are sent in at most; a part is done by one actor."""
STORE = 128 * 2**20
"""Bytes for Ray's own store on a machine of its own: only ids pass through it."""


# Where the pictures are edited -----------------------------------------------------------------------------


@dataclass
class Editor:
    """Edits pictures by their ids; an actor, whose model is loaded at the first and kept."""

    clerk: str
    """The clerk's name."""
    out: Place
    tools: Tools
    overwrite: bool
    threads: int
    version: str

    def __post_init__(self) -> None:
        ray: Any = import_module("ray")
        stop = Event()
        self.desk = Distant(ray, ray.get_actor(self.clerk), stop)
        self.hand = Hand(self.desk, Doer(self.desk, self.out, self.tools, self.overwrite), stop, look=LOOK)

    def __call__(self, batch: Mapping[str, Any]) -> dict[str, list[str]]:
        """Do what the ids name; says of each what stops everything, which is mostly nothing."""
        ids = [str(id) for id in batch["id"]]
        with threads(self.threads):
            return {"id": ids, "trouble": [self.one(id) for id in ids]}

    def one(self, id: str) -> str:
        """Do one, if it is still to be done."""
        if self.version != __version__:
            return f"A worker has overpaint {__version__}, the command {self.version}; install the same."
        try:
            while (found := self.desk.claim(id)) is True:
                time.sleep(LOOK)
            if isinstance(found, Entry):
                self.hand.worked(found)
        except LedgerError as error:
            return str(error)
        return ""


# The command -----------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Crew:
    """How many work, and with what each."""

    workers: int | None = None
    """Nothing: one for each GPU, or where there is none for each processor."""
    gpus: float | None = None
    """Of each worker; a part where several share one."""
    threads: int | None = None

    def of(self, resources: Mapping[str, float], device: str | None) -> "Crew":
        """The same with every number, for what a cluster has.

        Raises:
            UsageError: it has not so much.
        """
        there, cores = resources.get("GPU", 0.0), resources.get("CPU", 1.0)
        gpus = (1.0 if there and device != "cpu" else 0.0) if self.gpus is None else self.gpus
        each = self.threads or 1
        most = int(cores // each) if not gpus else min(int(there // gpus), int(cores // each))
        workers = max(most, 1) if self.workers is None else self.workers
        if workers > most:
            raise UsageError(
                f"{workers} workers with {gpus:g} GPUs and {each} threads each do not fit on a cluster of "
                f"{there:g} GPUs and {cores:g} processors; ask for less with --workers, --gpus or --threads."
            )
        return Crew(workers, gpus, each)


@dataclass
class Cluster:
    """The batch's work, done by Ray; stands where a worker stands that does it here."""

    ledger: Ledger
    out: Place
    tools: Tools
    overwrite: bool = False
    crew: Crew = field(default_factory=Crew)
    note: Callable[[Entry], None] = lambda entry: None
    """Told of every piece of work that is over."""
    stop: Event = field(default_factory=Event)
    """Set by somebody else: what is being done is given back, and no more is taken."""

    def run(self) -> None:
        """Work until nothing waits, or until it is told to stop.

        Raises:
            UsageError: the cluster has not what was asked for.
            LedgerError: something holds for every picture, such as a full disk; all the rest waits.
        """
        ray: Any = import_module("ray")
        crew = self.crew.of(ray.cluster_resources(), self.tools.device)
        with clerk(ray, self.ledger.folder, self.stop) as (name, handle):
            while not self.stop.is_set():
                self.ledger.reclaim()
                waiting = self.ledger.ids("queued")
                if waiting:
                    self.passed(ray, waiting, name, handle, crew)
                elif self.ledger.counts().get("running"):
                    self.stop.wait(LOOK)
                else:
                    return

    def passed(self, ray: Any, ids: Sequence[str], name: str, handle: Any, crew: Crew) -> None:
        """Send ids through the actors, once each."""
        data: Any = import_module("ray.data")
        kit = {"clerk": name, "out": self.out, "tools": self.tools, "overwrite": self.overwrite}
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of Ray's own older names
            context = data.DataContext.get_current()
            context.enable_progress_bars = False
            rows = data.from_arrow(parts(ids)).map_batches(
                Editor,
                fn_constructor_kwargs={**kit, "threads": crew.threads, "version": __version__},
                batch_size=1,
                compute=data.ActorPoolStrategy(size=crew.workers),
                num_cpus=crew.threads,
                num_gpus=crew.gpus or None,
            )
            try:
                for row in rows.iter_rows():
                    if row["trouble"]:
                        raise LedgerError(row["trouble"])
                    self.tell(str(row["id"]))
                    if self.stop.is_set() and not ray.get(handle.holds.remote()):
                        return
            except ray.exceptions.RayError as error:
                said = " ".join(str(error).split())[:200]
                raise LedgerError(
                    f"Ray gave up ({said}); what is done is kept, and the same command goes on."
                ) from None

    def tell(self, id: str) -> None:
        """Pass on that one is over, if it is."""
        entry = self.ledger.get(id)
        if entry.state in ("done", "failed", "cancelled"):
            self.note(entry)


def parts(ids: Sequence[str]) -> list[Any]:
    """The ids as tables: one each, until there would be too many."""
    arrow: Any = import_module("pyarrow")
    size = -(-len(ids) // BLOCKS)
    return [arrow.table({"id": list(ids[k : k + size])}) for k in range(0, len(ids), size)]


@contextmanager
def clerk(ray: Any, folder: Path, stop: Event) -> Generator[tuple[str, Any], None, None]:
    """A clerk on this machine, by name; what shall stop is passed on to it."""
    plans: Any = import_module("ray.util.scheduling_strategies")
    here = plans.NodeAffinitySchedulingStrategy(ray.get_runtime_context().get_node_id(), soft=False)
    name, over = f"overpaint-{uuid4().hex}", Event()
    handle = ray.remote(Clerk).options(name=name, num_cpus=0, scheduling_strategy=here).remote(folder)

    def watch() -> None:
        while not over.is_set():
            if stop.wait(LOOK):
                ray.get(handle.stop.remote())
                return

    thread = Thread(target=watch, name="passes the end on", daemon=True)
    thread.start()
    try:
        yield name, handle
    finally:
        over.set()
        thread.join()
        ray.get(handle.go.remote())
        ray.kill(handle)


def check_ray() -> None:
    """Refuse to go on without Ray.

    Raises:
        UsageError: it is not installed.
    """
    if find_spec("ray") is None or find_spec("pyarrow") is None:
        raise UsageError("The engine ray needs it installed: pip install 'overpaint[ray]'")


@contextmanager
def connected() -> Generator[None, None, None]:
    """Ray: the one that is in use, that of the cluster which RAY_ADDRESS names, or one of this machine alone.

    Raises:
        UsageError: Ray is not installed, or the cluster does not answer.
    """
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")  # nothing is told to anybody
    check_ray()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of Ray's own older names
        ray: Any = import_module("ray")
        import_module("ray.data")
    if ray.is_initialized():
        yield
        return
    own = {} if os.environ.get("RAY_ADDRESS") else {"include_dashboard": False, "object_store_memory": STORE}
    try:
        ray.init(log_to_driver=False, logging_level="ERROR", **own)
    except (ConnectionError, ray.exceptions.RayError) as error:
        said = " ".join(str(error).split())[:160]
        raise UsageError(f"Ray cannot be reached ({said}); check RAY_ADDRESS.") from None
    try:
        yield
    finally:
        ray.shutdown()
