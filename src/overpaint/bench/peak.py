"""The most memory that a piece of work held."""

import sys
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import torch

STATUS, CLEAR = Path("/proc/self/status"), Path("/proc/self/clear_refs")
RESET_PEAK = "5"
MEGA = 1e6


@dataclass
class Peak:
    """Starts where it is made; `megabytes` is the most since then.

    On an accelerator what tensors took, elsewhere what the process held; where a system cannot forget an
    earlier peak (all but Linux), the most since the process began, and nothing where it keeps none.
    """

    device: torch.device

    def __post_init__(self) -> None:
        if self.device.type == "cuda":
            torch.cuda.reset_peak_memory_stats(self.device)
        else:
            with suppress(OSError):
                CLEAR.write_text(RESET_PEAK)

    @property
    def megabytes(self) -> float | None:
        """The most until now."""
        if self.device.type == "cuda":
            return torch.cuda.max_memory_allocated(self.device) / MEGA
        with suppress(OSError, IndexError, ValueError):
            return int(STATUS.read_text().partition("VmHWM:")[2].split()[0]) * 1024 / MEGA
        return since_the_beginning()


def since_the_beginning() -> float | None:
    """The most this process ever held."""
    if sys.platform == "win32":
        return None
    import resource

    # Kilobytes, but bytes on a Mac.
    unit = 1 if sys.platform == "darwin" else 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit / MEGA
