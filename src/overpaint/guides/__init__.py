"""Guides: every rule that turns several predictions into one."""

from overpaint.guides.cfg import CFG, Plain

__all__ = ["CFG", "Plain"]
