"""What a user can set: frozen, typed, bounded, described. Command line, web form, docs and recipes read the schema."""

from typing import Any, Self

from pydantic import BaseModel, ConfigDict


class Options(BaseModel):
    """Base of every method and component: immutable, with no fields but its own."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False, protected_namespaces=())

    def changed(self, **fields: Any) -> Self:
        """A copy with some fields changed, checked like new."""
        return type(self).model_validate({**self.model_dump(), **fields})
