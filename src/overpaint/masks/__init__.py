"""Masks: where a picture may change."""

from overpaint.masks.local_blend import LocalBlend
from overpaint.masks.morphology import dilate, resized

__all__ = ["LocalBlend", "dilate", "resized"]
