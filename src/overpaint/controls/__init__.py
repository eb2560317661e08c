"""Controls: what attention layers are made to see, compute or tell."""

from overpaint.controls.keep import Keep, near_side, word_maps
from overpaint.controls.latest import Latest
from overpaint.controls.replace import CrossReplace, SelfReplace
from overpaint.controls.rows import put
from overpaint.controls.values import ScaledValues

__all__ = ["CrossReplace", "Keep", "Latest", "ScaledValues", "SelfReplace", "near_side", "put", "word_maps"]
