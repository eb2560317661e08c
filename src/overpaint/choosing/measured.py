"""What methods are good at by measurement, for whoever chooses one; `overpaint.bench.strengths` writes it."""

import json
from collections.abc import Mapping
from functools import cache
from pathlib import Path

from pydantic import BaseModel, ConfigDict, Field

FILE = Path(__file__).with_suffix(".json")


class Measured(BaseModel):
    """What a method achieves on Still Life with its options at their defaults."""

    model_config = ConfigDict(frozen=True)

    success: float = Field(ge=0, le=1, description="share of the edits that came off")
    cases: int = Field(ge=1)
    best: tuple[str, ...] = Field(description="types of edits that come off more often than others")


@cache
def measured() -> Mapping[str, Measured]:
    """By the method's name; those that were measured on enough cases."""
    told = json.loads(FILE.read_text(encoding="utf-8"))
    return {name: Measured.model_validate(one) for name, one in told.items()}
