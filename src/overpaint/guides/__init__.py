"""Guides: every rule that turns several predictions into one."""

from overpaint.guides.beside import Beside
from overpaint.guides.cfg import CFG, Plain

__all__ = ["CFG", "Beside", "Plain"]
