"""The inversions an editor can be given, as one option."""

from typing import Annotated, Any

from pydantic import BeforeValidator, Field

from overpaint.errors import UsageError
from overpaint.inversions.base import Inversion
from overpaint.inversions.cycle import Cycle
from overpaint.inversions.ddim import DDIM, Direct
from overpaint.inversions.edict import Edict
from overpaint.inversions.edit_friendly import EditFriendly
from overpaint.inversions.fixed_point import FixedPoint
from overpaint.inversions.negative_prompt import NegativePrompt
from overpaint.inversions.null_text import NullText
from overpaint.inversions.prompt_tuning import PromptTuning
from overpaint.inversions.recorded import Recorded
from overpaint.inversions.regularised import Regularised
from overpaint.inversions.style import Style
from overpaint.inversions.virtual import Virtual
from overpaint.near import nearest

KINDS: dict[str, type[Inversion]] = {
    "ddim": DDIM,
    "direct": Direct,
    "null-text": NullText,
    "negative-prompt": NegativePrompt,
    "prompt-tuning": PromptTuning,
    "style": Style,
    "edict": Edict,
    "edit-friendly": EditFriendly,
    "cycle": Cycle,
    "virtual": Virtual,
    "fixed-point": FixedPoint,
    "regularised": Regularised,
    "recorded": Recorded,
}
"""What they are called in options, recipes and on the command line."""
NAMES = tuple(KINDS)


def named(value: Any) -> Any:
    """A bare name as an inversion at its defaults; anything else is left for the option's own check.

    Raises:
        UsageError: there is no inversion of that name; the sentence names the nearest.
    """
    match value:
        case str(name):
            return {"name": known(name)}
        case {"name": str(name)}:
            known(name)
        case _:
            pass
    return value


def known(name: str) -> str:
    """The name itself if there is such an inversion.

    Raises:
        UsageError: there is none; the sentence names the nearest.
    """
    if name in NAMES:
        return name
    raise UsageError(f"There is no inversion {name!r}; {nearest(name, NAMES)}")


Real = (
    DDIM
    | Direct
    | NullText
    | NegativePrompt
    | PromptTuning
    | Style
    | Edict
    | EditFriendly
    | Cycle
    | Virtual
    | FixedPoint
    | Regularised
)
"""Those that walk any picture to noise, also a part of the way, and store it at every level."""
AnyInversion = Annotated[Real | Recorded, Field(discriminator="name"), BeforeValidator(named)]
"""The type of a method's ``inversion`` option: an inversion, its fields as a mapping, or just its name."""
RealInversion = Annotated[Real, Field(discriminator="name"), BeforeValidator(named)]
"""The same for methods that need the picture at every level of a part of the path."""
