"""Inversions: how a picture becomes noise, and what an editor walks beside on the way back."""

from overpaint.inversions.base import Inversion, Walk
from overpaint.inversions.ddim import DDIM, Direct
from overpaint.inversions.trajectory import Trajectory

__all__ = ["DDIM", "Direct", "Inversion", "Trajectory", "Walk"]
