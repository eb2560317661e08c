"""Requests made up from the schema, good and bad: ``python -m tests.web.fuzz [200]`` tries so many a route.

Nothing that a schema allows, or forbids, may be answered by an error of the server, nor by anything that the
schema does not tell of.
"""

import sys
from collections.abc import Generator, Iterator
from contextlib import contextmanager, suppress
from importlib import import_module
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any
from unittest.mock import patch

from hypothesis import HealthCheck, given, seed, settings
from hypothesis.errors import Unsatisfiable
from tests.web.live import live

from overpaint.web import openai

SCHEMA = "/api/openapi.json"
THEIRS: Any = import_module("schemathesis")  # its types are partly unknown
CHECKS: Any = import_module("schemathesis.specs.openapi.checks")
DEMANDS = [
    import_module("schemathesis.checks").not_a_server_error,
    CHECKS.status_code_conformance,
    CHECKS.content_type_conformance,
    CHECKS.response_schema_conformance,
]
UNHURRIED = [HealthCheck.too_slow, HealthCheck.filter_too_much, HealthCheck.data_too_large]
MODES = (THEIRS.GenerationMode.POSITIVE, THEIRS.GenerationMode.NEGATIVE)


def routes(home: str) -> Iterator[Any]:
    """Every route that a server's schema tells of."""
    schema: Any = THEIRS.openapi.from_url(home + SCHEMA)
    for found in schema.get_all_operations():
        yield found.ok()


def tried(route: Any, examples: int) -> None:
    """So many requests to a route, half of them against its schema.

    Raises:
        BaseException: of Schemathesis, with the request as a command.
    """
    for mode in MODES:

        @seed(0)
        @settings(
            max_examples=max(1, examples // 2),
            deadline=None,
            database=None,
            suppress_health_check=[
                HealthCheck.too_slow,
                HealthCheck.filter_too_much,
                HealthCheck.data_too_large,
            ],
        )
        @given(case=route.as_strategy(generation_mode=mode))
        def try_one(case: Any) -> None:
            case.call_and_validate(checks=DEMANDS)

        with suppress(Unsatisfiable):  # a route that takes nothing cannot be asked wrongly
            try_one()


@contextmanager
def asleep(folder: Path) -> Generator[str, None, None]:
    """The address of a server that does nothing of what is asked for, and lets nobody wait."""
    with (
        patch.object(openai, "WAIT", 0.2),
        live(folder, devices=(), most_waiting=10**9) as (home, _),
    ):
        yield home


def main(examples: int) -> int:
    """Try every route, and say what went wrong; the exit code."""
    bad = 0
    with TemporaryDirectory() as folder, asleep(Path(folder) / "serve") as home:
        for route in routes(home):
            try:
                tried(route, examples)
                print(f"{route.label}: {examples} requests", flush=True)
            except (Exception, BaseExceptionGroup) as error:
                bad += 1
                print(f"{route.label}: {error}", flush=True)
    return int(bad > 0)


if __name__ == "__main__":
    sys.exit(main(int(sys.argv[1]) if len(sys.argv) > 1 else 200))
