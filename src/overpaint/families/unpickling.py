"""Reads a pickle of torch and writes its tensors: a program of its own, run by `overpaint.families.pickles`.

It imports nothing of overpaint and runs in a process that may use so much memory and time and no more. The
unpickler knows tensors and plain containers; whatever else a file asks for is an error, and is not called.
"""

import contextlib
import json
import pickletools
import re
import sys
import zipfile
from collections.abc import Iterator, Mapping
from typing import Any, BinaryIO

import safetensors.torch
import torch

DEEPEST, MOST = 32, 1_000_000


def main() -> None:
    """Take a job from standard input, and answer with one line on standard output."""
    job = json.load(sys.stdin)
    limit(job["memory"], job["seconds"])
    torch.set_num_threads(1)
    try:
        answer = convert(job["source"], job["target"])
    except MemoryError:
        answer = {"error": "memory"}
    except Exception as error:
        asked = asked_for(str(error)) or unread(job["source"], str(error))
        answer = {"error": "class" if asked else kind(str(error)), "class": asked, "detail": detail(error)}
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


def convert(source: str, target: str) -> dict[str, Any]:
    """Read, flatten, write; says how many tensors there were and what was left out."""
    found = torch.load(source, map_location="cpu", weights_only=True, mmap=zipfile.is_zipfile(source))
    left: list[str] = []
    if isinstance(found, Mapping) and isinstance(found.get("state_dict"), Mapping):
        left += [str(name) for name in found if name != "state_dict"]
        found = found["state_dict"]
    tensors: dict[str, torch.Tensor] = {}
    storages: set[int] = set()
    for name, value in leaves(found, "", 0):
        if not isinstance(value, torch.Tensor):
            left.append(name)
            continue
        if value.layout != torch.strided or value.is_quantized or value.is_complex() or name in tensors:
            raise ValueError(f"{name} is a tensor that safetensors cannot hold")
        storage = value.untyped_storage().data_ptr()
        own = value.is_contiguous() and storage not in storages
        tensors[name] = value.detach() if own else value.detach().clone().contiguous()
        storages.add(storage)
    if not tensors:
        raise ValueError("it holds no tensors")
    if "__metadata__" in tensors:
        raise ValueError("it names a tensor __metadata__, which safetensors keeps for itself")
    try:
        safetensors.torch.save_file(tensors, target, metadata={"format": "pt"})
    except (safetensors.SafetensorError, OSError) as error:
        return {"error": "unwritten", "detail": detail(error)}
    return {"tensors": len(tensors), "left": sorted(left)[:1000]}


def leaves(value: Any, name: str, depth: int) -> Iterator[tuple[str, Any]]:
    """What containers hold, with names joined by dots."""
    if depth > DEEPEST:
        raise ValueError("its containers are nested too deeply")
    if isinstance(value, Mapping) and len(value) <= MOST:
        items = [(str(key), one) for key, one in value.items()]
    elif isinstance(value, list | tuple) and len(value) <= MOST:
        items = [(str(key), one) for key, one in enumerate(value)]
    else:
        yield name, value
        return
    for key, one in items:
        yield from leaves(one, f"{name}.{key}" if name else key, depth + 1)


def kind(message: str) -> str:
    """Which sort of failure a message speaks of."""
    if "allocate memory" in message or "not enough memory" in message or "Cannot allocate" in message:
        return "memory"
    return "class" if asked_for(message) else "damaged"


def asked_for(message: str) -> str:
    """The class or function a pickle asked for, if that is what went wrong."""
    found = re.search(r"GLOBAL ([\w.]+)|Unsupported class ([\w.]+)", message)
    return (found.group(1) or found.group(2)).rstrip(".") if found else ""


def unread(source: str, message: str) -> str:
    """What a pickle newer than torch reads asks for beside tensors: its words are listed, not followed."""
    if "Unsupported operand" not in message:
        return ""
    with open(source, "rb") as file, contextlib.suppress(Exception):  # damaged further on
        for name in named(file):
            if not name.startswith(("torch.", "collections.")):
                return name
    return ""


def named(file: BinaryIO) -> Iterator[str]:
    """Classes and functions that a pickle names, in order."""
    texts: list[str] = []
    for code, value, _ in pickletools.genops(file):
        if code.name == "GLOBAL":
            yield str(value).replace(" ", ".")
        elif code.name == "STACK_GLOBAL" and len(texts) > 1:
            yield f"{texts[-2]}.{texts[-1]}"
        elif isinstance(value, str):
            texts.append(value)


def detail(error: Exception) -> str:
    """The last line that says something."""
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    said = [line for line in lines if not line.startswith(("Check the documentation", "Weights only load"))]
    return (said or [type(error).__name__])[-1][:200]


if __name__ == "__main__":
    main()
