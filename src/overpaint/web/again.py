"""Work as what makes it again without a server: a command line, and a few lines of Python."""

import shlex
from collections.abc import Iterator, Mapping
from typing import Any, cast

from overpaint.comparing.candidate import PLAIN, options
from overpaint.web.controlling import spoken

USUAL: Mapping[str, Any] = {**PLAIN, "grow": 0, "extend": "", "context": None, "source": "", "target": ""}
"""What need not be said, because it holds by itself."""
WHERE = ("mask_box", "mask_words", "mask_diff")


def said(work: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    """What of a request does not hold by itself, by the names that Python has for it."""
    request = work["request"]
    if work["kind"] == "edit":
        yield "method", work["method"]
    if work["model"] != "still-life":
        yield "model", work["model"]
    yield from ((name, value) for name, value in request.items() if value != USUAL.get(name))
    if work.get("mask"):
        yield "mask", "MASK"
    yield from ((name, work[name]) for name in WHERE if work.get(name))
    if work.get("map"):
        yield "map", "MAP"
    if work.get("control"):
        yield "control", tuple(spoken(one) for one in work["control"])


def as_command(work: Mapping[str, Any]) -> str:
    """The command line."""
    kind, given = str(work["kind"]), dict(said(work))
    words = ["overpaint", kind, given.pop("target") if kind == "generate" else "PICTURE"]
    for name, value in given.items():
        words += [word for one in listed(value) for word in (f"--{name.replace('_', '-')}", *one)]
    return shlex.join([*map(str, words), *options(work["method"], work["options"])])


def listed(value: object) -> list[tuple[str, ...]]:
    """What stands behind an option, each time that it is given."""
    several = cast("tuple[object, ...]", value) if isinstance(value, tuple) else (value,)
    return [() if one is True else (str(one),) for one in several]


def as_python(work: Mapping[str, Any]) -> str:
    """The call."""
    kind, given = str(work["kind"]), dict(said(work))
    first = given.pop("target") if kind == "generate" else "PICTURE"
    lines = [repr(first), *(f"{name}={value!r}" for name, value in given.items())]
    if work["options"]:
        lines.append(f"options={work['options']!r}")
    inside = "".join(f"    {line},\n" for line in lines)
    return f"import overpaint\n\nedit = overpaint.{kind}(\n{inside})\nedit.save('edited.png')\n"
