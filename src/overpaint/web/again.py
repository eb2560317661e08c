"""Work as what makes it again without a server: a command line, and a few lines of Python."""

import re
import shlex
from collections.abc import Iterator, Mapping
from typing import Any, cast

from overpaint.comparing.candidate import PLAIN, options
from overpaint.web.controlling import spoken
from overpaint.web.layers import works

USUAL: Mapping[str, Any] = {**PLAIN, "source": "", "target": ""}
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
    if work.get("onto"):
        yield "onto", "ONTO"
    if work.get("map"):
        yield "map", "MAP"
    if work.get("control"):
        yield "control", tuple(spoken(one) for one in work["control"])


def as_command(work: Mapping[str, Any]) -> str:
    """The command line; where earlier edits are made again over it, one for each, laid on the last."""
    first, *others = (one_command(one) for one in works(dict(work)))
    if not others:
        return first
    lines = [f"{first} --output step-1.png"]
    for k, one in enumerate(others, 1):
        lines.append(f"{numbered(one, k)} --onto step-{k}.png --output step-{k + 1}.png")
    return "\n".join(lines)


def numbered(text: str, k: int) -> str:
    """A text in which the mask is that of an earlier edit."""
    return re.sub(r"\bMASK\b", f"MASK-{k}", text)


def one_command(work: Mapping[str, Any]) -> str:
    """The command line of one edit."""
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
    """The call; or the calls, as for a command line."""
    first, *others = works(dict(work))
    calls = [one_call(first), *(numbered(one_call(one, "onto=edit"), k) for k, one in enumerate(others, 1))]
    return "\n".join(["import overpaint\n", *calls, "edit.save('edited.png')\n"])


def one_call(work: Mapping[str, Any], *more: str) -> str:
    """One of them."""
    kind, given = str(work["kind"]), dict(said(work))
    first = given.pop("target") if kind == "generate" else "PICTURE"
    lines = [repr(first), *(f"{name}={value!r}" for name, value in given.items()), *more]
    if work["options"]:
        lines.append(f"options={work['options']!r}")
    inside = "".join(f"    {line},\n" for line in lines)
    return f"edit = overpaint.{kind}(\n{inside})"
