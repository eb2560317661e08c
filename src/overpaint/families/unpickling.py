"""Reads a pickle of torch and writes its tensors: a program of its own, run by `overpaint.families.pickles`.

It imports nothing of overpaint and runs in a process that may use so much memory and time and no more. No
class or function that a file names is ever imported: tensors are put together by the few functions below,
everything else becomes a stand-in that keeps what it is given and does nothing. What a file wants *called* is
refused by its name, save for the calls by which plain data (numbers of numpy, paths, dates, settings) is
always written.
"""

import contextlib
import json
import os
import pickle
import re
import sys
import tarfile
import zipfile
from _compat_pickle import IMPORT_MAPPING, NAME_MAPPING
from collections.abc import Callable, Generator, Iterator, Mapping
from dataclasses import dataclass
from types import SimpleNamespace
from typing import Any

import safetensors.torch
import torch

DEEPEST, MOST = 32, 1_000_000
FRAMEWORKS = frozenset(
    "accelerate diffusers ldm lightning lightning_fabric lightning_utilities omegaconf peft sgm torch "
    "pytorch_lightning torchmetrics transformers".split()
)
"""Whose classes may be called with what describes them, as members of enumerations are."""
PLAIN = frozenset(
    [
        *(
            f"builtins.{name}"
            for name in "bool bytearray bytes complex dict float frozenset int list".split()
        ),
        *(f"builtins.{name}" for name in "object range set slice str tuple".split()),
        *(f"datetime.{name}" for name in "date datetime time timedelta timezone".split()),
        *(f"numpy.{name}" for name in "dtype ndarray".split()),
        *(f"numpy.random._pickle.__{name}_ctor" for name in "bit_generator generator randomstate".split()),
        *(
            f"numpy.{core}.{name}"
            for core in ("core", "_core")
            for name in ("multiarray.scalar", "multiarray._reconstruct", "numeric._frombuffer")
        ),
        *(
            f"pathlib.{home}{flavour}Path"
            for home in ("", "_local.")
            for flavour in ("", "Pure", "Posix", "PurePosix", "Windows", "PureWindows")
        ),
        *"_codecs.encode argparse.Namespace collections.deque decimal.Decimal fractions.Fraction".split(),
        *"logging.Logger logging.getLogger re._compile types.SimpleNamespace typing.Any uuid.UUID".split(),
        *"torch.device torch.serialization._get_layout".split(),
    ]
)
"""Calls that only describe data. They are not made either."""


class Refused(Exception):
    """A file wants something called that is not plain data."""


class Unfit(ValueError):
    """What a file holds cannot be written; the sentence is ours."""


class Inert(type):
    """The class of stand-ins: calling one makes an empty thing, or is refused."""

    def __call__(cls, *args: Any, **named: Any) -> Any:
        called = cls.__qualname__
        root, last = called.partition(".")[0], called.rpartition(".")[2]
        if called in PLAIN or (root in FRAMEWORKS and last[:1].isupper()):
            return blank(cls)
        raise Refused(called)


class StandIn(metaclass=Inert):
    """In the place of something that is not built: keeps what it is given."""

    __slots__ = ("items", "state")

    def __new__(cls, *args: Any, **named: Any) -> "StandIn":
        made = object.__new__(cls)
        made.items, made.state = {}, None
        return made

    def __setstate__(self, state: Any) -> None:
        self.state = state

    def __setitem__(self, key: Any, value: Any) -> None:
        self.items[key] = value

    def append(self, value: Any) -> None:
        """Take one value of a list or a set."""
        self.items[len(self.items)] = value

    add = append

    def extend(self, values: Any) -> None:
        """Take several."""
        for value in values:
            self.append(value)

    @property
    def held(self) -> Mapping[Any, Any]:
        """What a container held: its items, or the parameters, buffers and parts of a module of torch."""
        state = self.state
        if self.items or type(state) is not dict:
            return self.items
        parts = (state.get(name) for name in ("_parameters", "_buffers", "_modules"))
        return {key: value for part in parts if isinstance(part, dict) for key, value in dict.items(part)}


def blank(cls: Any) -> Any:
    """One of a class of stand-ins."""
    return cls.__new__(cls)


class Plain(dict[Any, Any]):
    """In the place of dictionaries of other kinds."""

    __slots__ = ()

    def __init__(self, *args: Any) -> None:
        super().__init__(*(one for one in args if isinstance(one, list | dict)))

    def __setstate__(self, state: Any) -> None: ...


class Odd:
    """A tensor of a kind that safetensors cannot hold."""

    __slots__ = ()

    def __init__(self, *args: Any) -> None: ...

    def __setstate__(self, state: Any) -> None: ...


@dataclass(frozen=True, slots=True)
class Made:
    """A function that may be called; what a file would write onto it is refused."""

    build: Callable[..., Any]

    def __call__(self, *args: Any) -> Any:
        return self.build(*args)

    def __setstate__(self, state: Any) -> None:
        raise Refused("a function that is changed")


@dataclass(frozen=True, slots=True)
class Bytes:
    """A storage without a type."""

    dtype: torch.dtype = torch.uint8

    def __setstate__(self, state: Any) -> None:
        raise Refused("a type that is changed")


def tensor(storage: Any, offset: int, size: Any, stride: Any, *more: Any) -> torch.Tensor:
    """A tensor over a part of a storage, which must be large enough."""
    return typed(storage, offset, size, stride, storage.dtype)


def tensor_of_type(
    storage: Any, offset: int, size: Any, stride: Any, grad: bool, hooks: Any, dtype: Any, *more: Any
) -> torch.Tensor:
    """The same where the type is not that of the storage."""
    return typed(storage, offset, size, stride, dtype)


def typed(storage: Any, offset: int, size: Any, stride: Any, dtype: torch.dtype) -> torch.Tensor:
    """A tensor of a type over a part of a storage."""
    raw = storage._untyped_storage
    last = offset + sum((n - 1) * step for n, step in zip(size, stride, strict=True))
    if min([offset, *size, *stride]) < 0 or (0 not in size and (last + 1) * dtype.itemsize > raw.nbytes()):
        raise Unfit("a tensor reaches beyond its storage")
    return torch.empty((0,), dtype=dtype).set_(raw, offset, tuple(size), tuple(stride))


def parameter(data: Any, *more: Any) -> Any:
    """A weight that was trained is its values."""
    return data


def of_type(build: Any, kind: Any, args: Any, state: Any) -> Any:
    """A tensor of a class of its own is a tensor."""
    if not isinstance(build, Made):
        raise Refused("torch._tensor._rebuild_from_type_v2")
    return build(*args)


def instance(cls: Any, base: Any, state: Any) -> Any:
    """How the oldest pickles write any object."""
    if not isinstance(cls, Inert):
        raise Refused("copyreg._reconstructor")
    return blank(cls)


BUILT: Mapping[str, Any] = {
    "torch._utils._rebuild_tensor": Made(tensor),
    "torch._utils._rebuild_tensor_v2": Made(tensor),
    "torch._utils._rebuild_tensor_v3": Made(tensor_of_type),
    "torch._utils._rebuild_parameter": Made(parameter),
    "torch._utils._rebuild_parameter_with_state": Made(parameter),
    "torch._utils._rebuild_sparse_tensor": Made(Odd),
    "torch._utils._rebuild_sparse_csr_tensor": Made(Odd),
    "torch._utils._rebuild_qtensor": Made(Odd),
    "torch._utils._rebuild_nested_tensor": Made(Odd),
    "torch._utils._rebuild_meta_tensor_no_storage": Made(Odd),
    "torch._tensor._rebuild_from_type_v2": Made(of_type),
    "torch.Size": Made(tuple),
    "torch.UntypedStorage": Bytes(),
    "torch.storage.UntypedStorage": Bytes(),
    "collections.OrderedDict": Made(Plain),
    "collections.defaultdict": Made(Plain),
    "collections.Counter": Made(Plain),
    "copyreg._reconstructor": Made(instance),
    **{str(one): one for one in vars(torch).values() if isinstance(one, torch.dtype)},
}
"""All that is ever called, by the names files use."""


class Reader(pickle.Unpickler):
    """Understands tensors and plain containers; the names of all others are noted in `seen`."""

    seen: dict[str, Inert]

    def find_class(self, module: str, name: str) -> Any:
        """What stands for a class or a function of that name; it is not imported."""
        module, name = NAME_MAPPING.get((module, name), (IMPORT_MAPPING.get(module, module), name))
        called = f"{module}.{name}"
        if called in BUILT:
            return BUILT[called]
        if called not in PLAIN and module.partition(".")[0] in sys.stdlib_module_names:
            raise Refused(called)
        if called not in self.seen:
            self.seen[called] = Inert(name, (StandIn,), {"__slots__": (), "__qualname__": called})
        return self.seen[called]


def main() -> None:
    """Take a job from standard input, and answer with one line on standard output."""
    job = json.load(sys.stdin)
    limit(job["memory"], job["seconds"])
    torch.set_num_threads(1)
    try:
        answer = convert(job["source"], job["target"])
    except MemoryError:
        answer = {"error": "memory"}
    except Refused as error:
        answer = {"error": "class", "class": str(error)}
    except Exception as error:
        answer = {"error": kind(str(error)), "detail": detail(error)}
    json.dump(answer, sys.stdout)


def limit(memory: int, seconds: int) -> None:
    """Bound what this process may take, beyond what the libraries have taken already."""
    with contextlib.suppress(ImportError, OSError, ValueError):  # not every system can
        import resource

        with open("/proc/self/statm") as file:
            taken = int(file.read().split()[0]) * resource.getpagesize()
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
        resource.setrlimit(resource.RLIMIT_CPU, (seconds, seconds + 5))
        resource.setrlimit(resource.RLIMIT_AS, (taken + memory, taken + memory))


def read(source: str) -> tuple[Any, list[str]]:
    """What a file holds, and the names of all that others stand in for."""
    reader = type("Reader", (Reader,), {"seen": {}})

    def load(file: Any, **more: Any) -> Any:
        return reader(file, **more).load()

    own = SimpleNamespace(Unpickler=reader, load=load, __name__="reader")
    with without_programs():
        found = torch.load(
            source, map_location="cpu", pickle_module=own, weights_only=False, mmap=zipfile.is_zipfile(source)
        )
    return found, sorted(name for name in reader.seen if name not in PLAIN)


@contextlib.contextmanager
def without_programs() -> Generator[None, None, None]:
    """Torch itself neither runs archives of programs nor unpacks those of its first releases."""

    def refused(*args: Any, **named: Any) -> Any:
        raise Refused("a program (TorchScript)")

    def passed(*args: Any, **named: Any) -> Any:
        raise tarfile.ReadError("archives are not unpacked")

    run, unpack = torch.jit.load, tarfile.open
    torch.jit.load, tarfile.open = refused, passed
    try:
        yield
    finally:
        torch.jit.load, tarfile.open = run, unpack


def convert(source: str, target: str) -> dict[str, Any]:
    """Read, flatten, write; says how many tensors there were and what was left out."""
    found, stand_ins = read(source)
    left: list[str] = []
    if isinstance(found, Mapping) and isinstance(found.get("state_dict"), Mapping | StandIn):
        left += [label(name) for name in found if name != "state_dict"]
        found = found["state_dict"]
    tensors: dict[str, torch.Tensor] = {}
    storages: set[int] = set()
    for name, value in leaves(found, "", 0):
        if not isinstance(value, torch.Tensor | Odd):
            left.append(name)
            continue
        if isinstance(value, Odd) or value.layout != torch.strided or value.is_complex() or name in tensors:
            raise Unfit(f"{name} is a tensor that safetensors cannot hold")
        storage = value.untyped_storage().data_ptr()
        own = value.is_contiguous() and storage not in storages
        tensors[name] = value.detach() if own else value.detach().clone().contiguous()
        storages.add(storage)
    if not tensors:
        raise Unfit("it holds no tensors")
    if "__metadata__" in tensors:
        raise Unfit("it names a tensor __metadata__, which safetensors keeps for itself")
    try:
        safetensors.torch.save_file(tensors, target, metadata={"format": "pt"})
    except (safetensors.SafetensorError, OSError) as error:
        return {"error": "unwritten", "detail": reason(error)}
    return {"tensors": len(tensors), "left": sorted(left)[:1000], "stand_ins": stand_ins[:1000]}


def leaves(value: Any, name: str, depth: int) -> Iterator[tuple[str, Any]]:
    """What containers hold, with names joined by dots."""
    if depth > DEEPEST:
        raise Unfit("its containers are nested too deeply")
    value = value.held or value if isinstance(value, StandIn) else value
    if isinstance(value, Mapping) and len(value) <= MOST:
        items = [(label(key), one) for key, one in value.items()]
    elif isinstance(value, list | tuple) and len(value) <= MOST:
        items = [(str(key), one) for key, one in enumerate(value)]
    else:
        yield name, value
        return
    for key, one in items:
        yield from leaves(one, f"{name}.{key}" if name else key, depth + 1)


def label(key: Any) -> str:
    """A key as a part of a name; a class stands for itself."""
    kind = key if isinstance(key, Inert) else type(key)
    return kind.__qualname__ if isinstance(kind, Inert) else str(key)


def kind(message: str) -> str:
    """Which sort of failure a message speaks of."""
    short = ("allocate memory", "not enough memory", "Cannot allocate")
    return "memory" if any(words in message for words in short) else "damaged"


def detail(error: Exception) -> str:
    """What failed, in words of ours: those of the libraries speak to programmers."""
    return str(error)[:200] if isinstance(error, Unfit) else "it is cut short, damaged, or of another kind"


def reason(error: Exception) -> str:
    """Why the system did not take a file."""
    number = re.search(r"os error (\d+)", str(error))
    code = int(number.group(1)) if number else getattr(error, "errno", None)
    return os.strerror(code) if code else "the system refused it"


if __name__ == "__main__":
    main()
