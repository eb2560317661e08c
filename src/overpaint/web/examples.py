"""Examples for the service's schema."""

from typing import Any

from pydantic import ConfigDict, JsonValue

BALL = "3f0c" * 16
EXAMPLE: dict[str, JsonValue] = {
    "image": BALL,
    "source": "a red ball on grass",
    "target": "a blue ball on grass",
    "method": "p2p",
    "options": {"steps": 20, "inversion": "direct"},
    "seed": 7,
}
SEVERAL: dict[str, JsonValue] = {
    **{name: EXAMPLE[name] for name in ("image", "source", "target", "seed")},
    "methods": ["sdedit", "p2p"],
    "options": {"steps": 20},
    "budget": "60s",
}
DONE: dict[str, JsonValue] = {
    "id": "5a1f0c77b2e94d08",
    "kind": "edit",
    "state": "done",
    "progress": 1.0,
    "made": 1790000000.0,
    "began": 1790000000.1,
    "ended": 1790000004.3,
    "image": BALL,
    "method": "p2p",
    "model": "still-life",
    "request": {name: EXAMPLE[name] for name in ("source", "target", "seed")},
    "options": {"steps": 20},
    "result": {"picture": "91ac" * 16, "width": 128, "height": 128},
}


def showing(**example: Any) -> ConfigDict:
    """How a model is set that has an example in the schema."""
    return ConfigDict(extra="forbid", protected_namespaces=(), json_schema_extra={"examples": [{**example}]})
