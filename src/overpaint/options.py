"""What a user can set: frozen, typed, bounded, described. Every interface is made from its schema."""

from typing import Any, TypeVar

from pydantic import BaseModel, ConfigDict

T = TypeVar("T", bound="Options")


class Options(BaseModel):
    """Base of every method and component: immutable, with no fields but its own."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False, protected_namespaces=())

    def changed(self: T, **fields: Any) -> T:
        """A copy with some fields changed, checked like new."""
        return type(self).model_validate({**self.model_dump(), **fields})
