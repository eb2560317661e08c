"""Controls: what attention layers are made to see, compute or tell."""

from overpaint.controls.keep import Keep, near_side, word_maps
from overpaint.controls.replace import CrossReplace, SelfReplace
from overpaint.controls.rows import put

__all__ = ["CrossReplace", "Keep", "SelfReplace", "near_side", "put", "word_maps"]
