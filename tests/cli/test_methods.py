import json

import pytest
from tests.cli.kit import overpaint


def test_the_table_names_every_method_and_its_needs() -> None:
    said = overpaint("methods")
    assert said.code == 0
    for name in ("generate", "sdedit", "ddim", "p2p"):
        assert any(line.startswith(name) for line in said.out.splitlines())


def test_filters() -> None:
    found = json.loads(overpaint("methods", "--json", "--needs", "source").out)
    assert {"ddim", "p2p"} <= set(found) and not {"sdedit", "generate"} & set(found)
    assert all("source" in (*card["needs"], *card["optional"]) for card in found.values())
    assert "p2p" in json.loads(overpaint("methods", "--json", "--family", "sdxl").out)
    said = overpaint(
        "methods", "--needs", "mask", "--needs", "source", "--family", "sdxl", "--needs", "examples"
    )
    assert (said.code, said.out) == (0, "No method is like that.\n")


@pytest.mark.parametrize(
    ("args", "sentence"),
    [
        (["--family", "sd9"], "There is no family 'sd9'; did you mean 'sd1'?"),
        (["--needs", "imag"], "There is no input 'imag'; did you mean 'image'?"),
        (["--need", "image"], "There is no option --need; did you mean --needs?"),
    ],
)
def test_wrong_filters(args: list[str], sentence: str) -> None:
    said = overpaint("methods", *args)
    assert (said.code, said.out, said.err) == (2, "", sentence + "\n")
