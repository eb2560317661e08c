"""Torch as this package needs it, whatever the caller has set: neither changes the pixels, nor is it changed.

Inference mode would make weights that nothing can be learned through; autocast and another default type round
numbers; a default device draws noise elsewhere.
"""

from collections.abc import Generator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from threading import Lock

import torch

FLOAT = torch.float32
_KINDS = ("cpu", "cuda", "mps", "xpu")


@contextmanager
def neutral() -> Generator[None, None, None]:
    """No inference mode, no autocast, gradients possible, float32 and the CPU by default; then as it was.

    Also a decorator. All of it belongs to the thread alone, save for the default type, which torch keeps for
    the whole process: while somebody is inside, it is float32 for the other threads too.
    """
    with ExitStack() as stack:
        stack.enter_context(torch.inference_mode(False))
        stack.enter_context(torch.enable_grad())
        for kind in _KINDS:
            if torch.is_autocast_enabled(kind):
                stack.enter_context(torch.autocast(kind, enabled=False))
        if torch.empty(0).device.type != "cpu":
            stack.enter_context(torch.device("cpu"))
        stack.enter_context(_FLOATS.inside())
        yield


@dataclass
class _Floats:
    """The default type of the process: set by whoever comes first, set back by whoever leaves last."""

    lock: Lock = field(default_factory=Lock)
    people: int = 0
    before: torch.dtype = FLOAT

    @contextmanager
    def inside(self) -> Generator[None, None, None]:
        """float32 by default for the length of a ``with``."""
        with self.lock:
            if not self.people:
                self.before = torch.get_default_dtype()
                self.set(FLOAT)
            self.people += 1
        try:
            yield
        finally:
            with self.lock:
                self.people -= 1
                if not self.people:
                    self.set(self.before)

    @staticmethod
    def set(dtype: torch.dtype) -> None:
        """Set it where it is another."""
        if torch.get_default_dtype() != dtype:
            torch.set_default_dtype(dtype)


_FLOATS = _Floats()
