"""Every route asked as its schema allows and forbids; more of it: ``python -m tests.web.fuzz``."""

from pathlib import Path

from tests.web.fuzz import asleep, routes, tried


def test_no_route_answers_what_its_schema_does_not_tell_of(tmp_path: Path) -> None:
    with asleep(tmp_path / "serve") as home:
        asked = [route.label for route in routes(home) if tried(route, 2) is None]
    assert len(asked) > 25 and "POST /v1/images/edits" in asked
