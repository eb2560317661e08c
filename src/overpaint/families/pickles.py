"""From a pickle of torch to a safetensors file, without trusting the pickle.

Reading a pickle may run whatever its maker wished. So it is read in another process, which is bounded in
memory and time, builds nothing but tensors and plain containers, and imports nothing that a file names.
"""

import json
import os
import stat
import subprocess
import sys
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from overpaint.errors import UsageError
from overpaint.files.atomic import draft_of, flush, flush_folder, place_new
from overpaint.files.mistaken import check_content
from overpaint.files.weightfile import read_header

CHILD = Path(__file__).with_name("unpickling.py")
GIGABYTE = 10**9
SECONDS = 600


@dataclass(frozen=True)
class Converted:
    """What was written, and the names of what was left out because it is no tensor."""

    path: Path
    tensors: int
    left: tuple[str, ...]
    stand_ins: tuple[str, ...] = ()
    """Classes that the file names: none was imported, something that does nothing stood in for each."""


def convert(
    file: Path,
    out: Path | None = None,
    *,
    memory: float | None = None,
    seconds: int = SECONDS,
    overwrite: bool = False,
) -> Converted:
    """Write the tensors of a pickle to a safetensors file, which appears whole or not at all.

    Args:
        file: a ``.ckpt``, ``.pt``, ``.pth`` or ``.bin`` file.
        out: by itself the same name with the suffix ``.safetensors``.
        memory: gigabytes the reading process may take; by itself three times the file, and one.
        seconds: how long it may work.
        overwrite: whether ``out`` may be replaced.

    Raises:
        UsageError: the file cannot be read within these bounds, needs more than tensors, or nothing can be
            written there.
    """
    size = _size(file)
    out = _target(file, out, overwrite)
    draft = draft_of(out)
    bound = int((3 * size / GIGABYTE + 1 if memory is None else memory) * GIGABYTE) + size
    try:
        told = _child(file, draft, bound, seconds)
        if "error" in told:
            raise UsageError(_reason(file, out, told, (bound - size) / GIGABYTE, seconds))
        read_header(draft)
        flush(draft)
        (os.replace if overwrite else place_new)(draft, out)
        flush_folder(out.parent)
    except FileExistsError:
        raise _taken(out) from None
    except OSError as error:
        raise UsageError(f"{out} cannot be written ({error.strerror}); choose another place.") from None
    finally:
        with suppress(OSError):
            draft.unlink(missing_ok=True)
    return Converted(out, int(told["tensors"]), tuple(told["left"]), tuple(told["stand_ins"]))


def _size(file: Path) -> int:
    try:
        found = file.stat()
    except (OSError, ValueError):
        raise UsageError(f"There is no file {file}.") from None
    if not stat.S_ISREG(found.st_mode):
        raise UsageError(f"{file} is not a file; convert the files of a folder one by one.")
    if not os.access(file, os.R_OK):
        raise UsageError(f"{file} may not be read.")
    check_content(file, text=True)  # the oldest pickles are text
    if _is_safetensors(file):
        raise UsageError(f"{file} is a safetensors file already; give it a name that ends so.")
    return found.st_size


def _is_safetensors(file: Path) -> bool:
    try:
        read_header(file)
    except UsageError:
        return False
    return True


def _target(file: Path, out: Path | None, overwrite: bool) -> Path:
    out = file.with_suffix(".safetensors") if out is None else out
    if out.suffix != ".safetensors":
        raise UsageError(
            f"Weights are written as safetensors; choose a name ending so instead of {out.name!r}."
        )
    if out.is_dir():
        raise UsageError(f"{out} is a folder; choose the name of a file.")
    if not out.parent.is_dir() or not os.access(out.parent, os.W_OK | os.X_OK):
        raise UsageError(f"The folder {out.parent} is not there or may not be written to; choose another.")
    if (out.exists() or out.is_symlink()) and not overwrite:
        raise _taken(out)
    return out


def _taken(out: Path) -> UsageError:
    return UsageError(f"{out} exists already; choose another name with -o, or allow --overwrite.")


def _child(file: Path, draft: Path, memory: int, seconds: int) -> dict[str, Any]:
    """What the reading process answers; its death is an answer too."""
    job = {
        "source": str(file.absolute()),
        "target": str(draft.absolute()),
        "memory": memory,
        "seconds": seconds,
    }
    try:
        done = subprocess.run(
            # Isolated: neither the folder it is started in nor the environment may lend it modules.
            [sys.executable, "-I", "-X", "utf8", str(CHILD)],
            input=json.dumps(job).encode(),
            env={name: value for name, value in os.environ.items() if not name.startswith("TORCH_")},
            capture_output=True,
            timeout=seconds,
            check=False,
        )
        return json.loads(done.stdout)
    except subprocess.TimeoutExpired:
        return {"error": "time"}
    except ValueError:
        return {"error": "died"}


def _reason(file: Path, out: Path, told: dict[str, Any], gigabytes: float, seconds: int) -> str:
    match told["error"]:
        case "class":
            return (
                f"{file} asks for {told['class']} and not for tensors alone, which could run code; ask its "
                "maker for safetensors, or save its state_dict alone where you trust it."
            )
        case "memory":
            return f"{file} needs more than {gigabytes:.3g} GB to be read; allow more by --memory."
        case "unwritten":
            return f"{out} cannot be written ({told['detail']}); make room, or choose another place by -o."
        case "time":
            return f"{file} was not read within {seconds} seconds; allow more by --seconds."
        case "died":
            return f"The process that read {file} ended early; the file is damaged, or --memory is too small."
        case _:
            return f"{file} cannot be read as a checkpoint ({told['detail']})."
