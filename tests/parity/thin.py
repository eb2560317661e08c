"""``python -m tests.parity.thin DIR [NAME ...]``: small copies of stored arrays, kept in ``tests/golden``.

What is fed in stays whole, of what is compared every fourth cell is enough; what another file holds already
is referred to. The metadata say what was kept.
"""

import json
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from safetensors.torch import save_file  # pyright: ignore[reportUnknownVariableType]
from torch import Tensor

from tests.parity.adapters.base import Adapter
from tests.parity.adapters.editing import Editing
from tests.parity.golden import GOLDEN, STATE
from tests.parity.table import files, prepare

CELLS = 4
Where = dict[bytes, tuple[str, str, int]]
"""Where an entry lies, by its content."""


def thinned(adapter: Adapter, seen: Where) -> tuple[dict[str, Tensor], dict[str, Any]]:
    """The arrays to keep of a file, and what is to be said of them; ``seen`` is what other files hold."""
    golden, arrays, said = adapter.golden, dict[str, Tensor](), dict[str, Any]()
    kept = adapter.kept()
    for name, array in _with_state(adapter, said):
        if name in adapter.spared:
            continue
        told = said.setdefault(name, {})
        if name in kept:
            array, told["at"] = array[list(kept[name])], list(kept[name])
        if name in adapter.inputs:
            if (same := seen.get(_content(array))) is not None:
                told["same"] = same
                continue
            seen[_content(array)] = (golden.name, name, -1)
            seen |= {_content(one[None]): (golden.name, name, k) for k, one in enumerate(array)}
        elif array.is_floating_point() and array.ndim > 2 and array.shape[-1] == array.shape[-2] > CELLS:
            array, told["cells"] = array[..., ::CELLS, ::CELLS], CELLS
        arrays[name] = array.contiguous()
    return arrays, {name: told for name, told in said.items() if told}


def _content(array: Tensor) -> bytes:
    return array.contiguous().numpy().tobytes()


def _with_state(adapter: Adapter, said: dict[str, Any]) -> Iterator[tuple[str, Tensor]]:
    """The arrays, and a state from which a walk can go on where nothing before it has to be remembered."""
    yield from sorted(adapter.golden.arrays.items())
    if isinstance(adapter, Editing) and adapter.blend is None and "edited_steps" in adapter.golden:
        state = adapter.golden.state()
        if state is not None:
            for name, row in zip(STATE, state[1], strict=True):
                said[name] = {"at": [state[0]]}
                yield name, row[None]


def main(folder: Path, names: Sequence[str]) -> int:
    """Write them; say what was left out and why."""
    seen: Where = {}
    for file in files(folder):
        if names and file.stem not in names:
            continue
        job = prepare(file)
        if job.adapter is None:
            print(*job.refusals, sep="\n", file=sys.stderr)
            continue
        arrays, said = thinned(job.adapter, seen)
        meta = {**job.adapter.golden.meta, "thinned": json.dumps(said)}
        save_file(arrays, GOLDEN / file.name, meta)
        (GOLDEN / file.name).chmod(0o644)
        print(f"{file.stem}: {sum(a.numel() * a.element_size() for a in arrays.values()) / 1024:.0f} KiB")
    return 0


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1]), sys.argv[2:]))
