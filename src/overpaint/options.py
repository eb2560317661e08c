"""What a user can set: frozen, typed, bounded, described. Every interface is made from its schema."""

from dataclasses import dataclass
from typing import Annotated, Any, TypeVar

from pydantic import BaseModel, ConfigDict, Field

T = TypeVar("T", bound="Options")
USUAL_GUIDANCE = 7.5
"""What the papers use on Stable Diffusion."""


@dataclass(frozen=True)
class ModelOwn:
    """Marks an option whose default gives way to what the model suggests, where that is not the usual."""

    attribute: str
    """The attribute of `overpaint.model.Model` that holds it."""
    usual: float
    """What a model has that suggests nothing."""


Guidance = Annotated[
    float,
    Field(ge=0, le=30, description="classifier-free guidance scale (a model may have its own)"),
    ModelOwn("guidance", USUAL_GUIDANCE),
]


class Options(BaseModel):
    """Base of every method and component: immutable, with no fields but its own."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False, protected_namespaces=())

    def changed(self: T, **fields: Any) -> T:
        """A copy with some fields changed, checked like new."""
        return type(self).model_validate({**self.model_dump(), **fields})
