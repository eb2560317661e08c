"""Fewer of many like cases, so that the tests can be run often: all of them with ``--all-cases``.

A test of every kind of network (a parameter named ``shape``) runs on one of them, and one marked
``sample(n)`` with ``n`` of its cases. Which ones is drawn by the test's own name: always the same for a test,
and spread over all tests. What was asked for by name is never left out.
"""

from collections.abc import Sequence
from zlib import crc32

import pytest

SHAPE, SAMPLE = "shape", "sample"


def chosen(items: Sequence[pytest.Item]) -> list[pytest.Item]:
    """The cases that run by default, in their order."""
    groups: dict[str, list[pytest.Item]] = {}
    for item in items:
        groups.setdefault(group_of(item), []).append(item)
    kept = {id(item) for name, group in groups.items() for item in few(name, group)}
    return [item for item in items if id(item) in kept]


def few(name: str, group: Sequence[pytest.Item]) -> Sequence[pytest.Item]:
    """As many of like cases as the test says."""
    count = size(group[0])
    return sorted(group, key=lambda item: crc32(item.nodeid.encode()))[:count] if count else group


def size(item: pytest.Item) -> int:
    """How many of the cases like this one run; 0 for all."""
    mark = item.get_closest_marker(SAMPLE)
    if mark is not None:
        return int(mark.args[0])
    return int(SHAPE in params(item))


def group_of(item: pytest.Item) -> str:
    """What is the same for like cases: the test, and where only networks differ its other parameters."""
    test = item.nodeid.partition("[")[0]
    if item.get_closest_marker(SAMPLE) is not None:
        return test
    others = sorted((name, str(value)) for name, value in params(item).items() if name != SHAPE)
    return f"{test} {others}" if SHAPE in params(item) else item.nodeid


def params(item: pytest.Item) -> dict[str, object]:
    """What a case was made with."""
    spec = getattr(item, "callspec", None)
    return {} if spec is None else dict(spec.params)
