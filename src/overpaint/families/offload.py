"""Offload: the parts of a model live on the CPU, and are on the device only while they are used.

A part that was brought stays until another is wanted, so that the denoiser is carried once for a whole walk.
What the device must hold at a time is then the largest part instead of all of them. No bit of a result
changes.
"""

from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass
from threading import RLock

import torch
from torch import nn

from overpaint.errors import UsageError
from overpaint.out_of_memory import SAME_MEMORY

HOME = torch.device("cpu")
Bring = Callable[..., None]
"""Takes the networks that are about to work."""


def stay(*parts: nn.Module) -> None:
    """Bring parts that live where they work: there is nothing to do."""


def moved(part: nn.Module, device: torch.device) -> None:
    """Move all weights of a part."""
    part.to(device)


def check_offload(device: torch.device) -> None:
    """Refuse a device that works in the memory of the CPU.

    Raises:
        UsageError: nothing would be saved there.
    """
    if device.type in SAME_MEMORY:
        raise UsageError(
            f"The device {device.type} works in the memory of the CPU, so that offload would save nothing; "
            "leave it out, or choose another device, such as cuda."
        )


@dataclass(eq=False)
class Ferry:
    """Carries parts between their home, the CPU, and the device; those that came together go together."""

    device: torch.device
    move: Callable[[nn.Module, torch.device], None] = moved
    there: tuple[nn.Module, ...] = ()
    """What is on the device."""

    def bring(self, *parts: nn.Module) -> None:
        """Have these on the device and no others; what is there already is left alone."""
        if parts == self.there:
            return
        self.send_home()
        self.there = parts  # before they move: half a part is carried back as well
        try:
            for part in parts:
                self.move(part, self.device)
        except BaseException:
            self.send_home()
            raise

    def send_home(self) -> None:
        """Have nothing on the device, and its memory free."""
        if not self.there:
            return
        for part in self.there:
            self.move(part, HOME)
        self.there = ()
        if self.device.type == "cuda":
            torch.cuda.empty_cache()


class Held(AbstractContextManager[bool]):
    """The lock of a model with a ferry: whoever lets go last, also by an error, sends everything home."""

    def __init__(self, ferry: Ferry) -> None:
        self._ferry, self._lock, self._depth = ferry, RLock(), 0

    def __enter__(self) -> bool:
        self._lock.acquire()
        self._depth += 1
        return True

    def __exit__(self, *error: object) -> None:
        self._depth -= 1
        try:
            if not self._depth:
                self._ferry.send_home()
        finally:
            self._lock.release()
