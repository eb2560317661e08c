"""Inversions: how a picture becomes noise, and what an editor walks beside on the way back."""

from overpaint.inversions.base import Inversion, Walk
from overpaint.inversions.choice import NAMES, AnyInversion, RealInversion, named
from overpaint.inversions.cycle import Cycle
from overpaint.inversions.ddim import DDIM, Direct
from overpaint.inversions.edict import Edict
from overpaint.inversions.edit_friendly import EditFriendly
from overpaint.inversions.fixed_point import FixedPoint
from overpaint.inversions.negative_prompt import NegativePrompt
from overpaint.inversions.null_text import NullText
from overpaint.inversions.prompt_tuning import PromptTuning
from overpaint.inversions.quality import Quality, reconstruction
from overpaint.inversions.recorded import Recorded
from overpaint.inversions.regularised import Regularised
from overpaint.inversions.style import Style
from overpaint.inversions.trajectory import Trajectory
from overpaint.inversions.virtual import Virtual

__all__ = [
    "DDIM",
    "NAMES",
    "AnyInversion",
    "Cycle",
    "Direct",
    "Edict",
    "EditFriendly",
    "FixedPoint",
    "Inversion",
    "NegativePrompt",
    "NullText",
    "PromptTuning",
    "Quality",
    "RealInversion",
    "Recorded",
    "Regularised",
    "Style",
    "Trajectory",
    "Virtual",
    "Walk",
    "named",
    "reconstruction",
]
