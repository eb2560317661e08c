"""Every route asked as its schema allows and forbids; more of it: ``python -m tests.web.fuzz``."""

import json
from pathlib import Path
from typing import Any

from tests.web.fuzz import asleep, routes, tried

from overpaint.web.app import created
from overpaint.web.serving import Serving
from overpaint.web.studio import Studio


def test_no_route_answers_what_its_schema_does_not_tell_of(tmp_path: Path) -> None:
    with asleep(tmp_path / "serve") as home:
        asked = [route.label for route in routes(home) if tried(route, 2) is None]
    assert len(asked) > 25 and "POST /v1/images/edits" in asked


def test_every_body_and_every_answer_has_an_example(tmp_path: Path) -> None:
    schema = created(Studio(Serving(tmp_path))).openapi()
    parts: dict[str, Any] = schema["components"]["schemas"]

    texts = {name: json.dumps(part) for name, part in parts.items()}

    def shows(one: Any) -> bool:
        """Whether there is an example in it, or in the parts that it names."""
        text = json.dumps(one)
        inside = [texts[name] for name in texts if f'/schemas/{name}"' in text]
        return any('"example' in one for one in (text, *inside))

    for path, routes_of in schema["paths"].items():
        for verb, route in routes_of.items():
            assert route["description"] and route["summary"], (verb, path)
            bodies = [route["requestBody"]["content"]] if "requestBody" in route else []
            bodies += [
                one["content"]
                for code, one in route["responses"].items()
                if code < "300" and "content" in one
            ]
            for kind, body in ((kind, one) for each in bodies for kind, one in each.items()):
                file = path == "/api/pictures" and kind == "multipart/form-data"
                assert kind != "application/json" or file or shows(body), (verb, path, kind)
