"""Figures of a comparison: how far two arrays differ, what a file allows, a row of the table."""

import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from typing import Literal

import torch
from torch import Tensor

Measure = Literal["largest", "norm"]
"""The largest difference as a share of the largest value, or the same of the norms."""


class Unknown(Exception):
    """What a file says that nobody here knows: a row of its own, which fails."""


def _scale(stored: Tensor) -> Tensor:
    largest = stored.double().abs().max()
    return torch.where(largest > 0, largest, torch.ones_like(largest))


def _same(mine: Tensor, stored: Tensor) -> None:
    if mine.shape != stored.shape:
        raise Unknown(f"the shape is {tuple(mine.shape)} here, but {tuple(stored.shape)} in the file")


def difference(mine: Tensor, stored: Tensor, measure: Measure = "largest") -> float:
    """How far two arrays differ, as a share."""
    _same(mine, stored)
    gap = mine.double() - stored.double()
    if measure == "norm":
        size = stored.double().square().sum().sqrt()
        return float(gap.square().sum().sqrt() / torch.where(size > 0, size, torch.ones_like(size)))
    return float(gap.abs().max() / _scale(stored))


def outliers(mine: Tensor, stored: Tensor, tolerance: float) -> float:
    """The share of elements that are not within ``tolerance`` times the largest stored value."""
    _same(mine, stored)
    near = (mine.double() - stored.double()).abs() <= tolerance * _scale(stored)
    return float((~near).double().mean())  # what is no number is not near


@dataclass(frozen=True)
class Tolerance:
    """What those who made a file allow: one bound for all arrays, or one by name; a share may lie beyond."""

    usual: float | None = None
    named: Mapping[str, float] = field(default_factory=dict[str, float])
    allowed: float = 0.0

    def of(self, name: str) -> float:
        """The bound of an array: its own, or that of a word in its name, or the usual one.

        Where only other arrays are named, the tightest of their bounds.
        """
        own = [word for word in self.named if word in name]
        if own:
            return self.named[max(own, key=len)]
        return min(self.named.values()) if self.usual is None else self.usual

    @staticmethod
    def read(text: str, arrays: Collection[str]) -> "Tolerance":
        """The stated sentence: ``1e-4 (...)``, or ``losses 1e-3 relative; nulls and edited 5e-3``.

        Raises:
            Unknown: there is no number in it.
        """
        share = 0.0
        if found := re.search(r"([\d.]+) ?% outlier", text):
            share = float(found[1]) / 100
        elif found := re.search(r"at least ([\d.]+) ?% of", text):
            share = 1 - float(found[1]) / 100
        said = re.sub(r"\([^()]*\)", " ", text).partition("observed")[0]
        usual, named, waiting = None, dict[str, float](), list[str]()
        for word in re.findall(r"\d[\d.]*(?:e[-+]?\d+)?(?: ?%)?|[A-Za-z_]\w*", said):
            if not word[0].isdigit():
                waiting.append(word)
            elif not word.endswith("%"):
                names = [w for w in waiting if len(w) > 2 and any(w in array for array in arrays)]
                if usual is None and names:
                    named |= dict.fromkeys(names, float(word))
                elif usual is None and not named:
                    usual = float(word)
                waiting = []
        if usual is None and not named:
            raise Unknown(f"the tolerance {text!r} has no number")
        return Tolerance(usual, named, round(share, 6))


@dataclass(frozen=True)
class Row:
    """One comparison, or the reason why there is none."""

    file: str
    array: str
    tolerance: float = 0.0
    measured: float = float("nan")
    share: float = 1.0
    allowed: float = 0.0
    note: str = ""
    adapted: bool = True
    """Whether there is an adapter for the file's method at all."""

    @property
    def failed(self) -> bool:
        """Whether more lies beyond the tolerance than may."""
        return not self.share <= self.allowed

    def __str__(self) -> str:
        if self.measured != self.measured:
            return f"| {self.file} | {self.array} | – | – | FAILED: {self.note} |"
        verdict = f"{self.share:.2%}" + (f" FAILED {self.note}".rstrip() if self.failed else "")
        return f"| {self.file} | {self.array} | {self.tolerance:.0e} | {self.measured:.1e} | {verdict} |"


HEAD = "| file | array | tolerance | measured | beyond it |\n|---|---|---|---|---|"
