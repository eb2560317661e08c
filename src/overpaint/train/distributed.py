"""Several processes that train one network: each takes its share of a batch, gradients are averaged.

The processes are started by torch's own launcher, ``torchrun --nproc-per-node N -m overpaint train …``,
which tells each its number. On a processor, two processes of one thread each are far faster than one of two
threads: networks as small as these spend their time waiting for threads to meet.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import timedelta

import torch
from torch import Tensor, distributed, nn

PATIENCE = timedelta(hours=2)
"""How long the others wait while the first measures."""


@dataclass(frozen=True)
class Crew:
    """Who trains: this process is number `rank` of `size`."""

    rank: int = 0
    size: int = 1

    @classmethod
    def join(cls) -> Crew:
        """The crew that the launcher announced in the environment; alone where there was none."""
        size = int(os.environ.get("WORLD_SIZE", "1"))
        if size == 1:
            return cls()
        if not distributed.is_initialized():
            distributed.init_process_group(timeout=PATIENCE)  # one backend for each kind of device
        return cls(distributed.get_rank(), size)

    @property
    def leads(self) -> bool:
        """Whether this process keeps the log and the state."""
        return self.rank == 0

    def share(self, batch: Mapping[str, Tensor]) -> dict[str, Tensor]:
        """This process's rows of a batch."""
        if self.size == 1:
            return dict(batch)
        return {name: value[self.rank :: self.size].contiguous() for name, value in batch.items()}

    def average(self, parameters: Iterable[nn.Parameter]) -> None:
        """Replace every gradient by its mean over the crew."""
        if self.size == 1:
            return
        grads = [p.grad for p in parameters if p.grad is not None]
        flat = torch.cat([g.flatten() for g in grads])
        distributed.all_reduce(flat)
        flat /= self.size
        parts = flat.split([g.numel() for g in grads])
        torch._foreach_copy_(grads, [part.view_as(g) for part, g in zip(parts, grads, strict=True)])  # pyright: ignore[reportPrivateUsage]

    def agree(self, flag: bool, device: torch.device) -> bool:
        """What the first process says, in all of them."""
        if self.size == 1:
            return flag
        said = torch.tensor([flag], dtype=torch.uint8, device=device)
        distributed.broadcast(said, 0)
        return bool(said)
