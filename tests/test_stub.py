"""The types that editors see: held true, and tried by the type checker itself."""

import subprocess
import sys
from pathlib import Path
from typing import Any, Literal

import pytest
from pydantic import Field

from overpaint import registry, stub
from overpaint.errors import OverpaintError
from overpaint.methods.p2p import PromptToPrompt
from overpaint.options import Options

ROOT = Path(__file__).parents[1]
RIGHT = """
from typing import Any

import numpy as np
from overpaint import catalogue, edit, generate, invert, load
from overpaint.inversions import NullText
from overpaint.methods.p2p import PromptToPrompt

model = load()
made = generate("a red ball", steps=4, guidance=3, seed=1, model=model)
edit(made, target="a blue ball", steps=4, cross_replace=0.4, reweight={"blue": 2.0})
edit("a.png", target="b", cross_replace="0.2:0.6", reweight="blue=2", blend="red=>blue")
edit(np.zeros((8, 8, 3), np.uint8), method="sdedit", target="a blue ball", strength=0.5)
edit(b"bytes", method="p2p", inversion=NullText(inner=5), target="x")
edit("a.png", inversion="null-text", options={"inversion.inner": 5})
edit("a.png", method="ledits++", concept=["+hat:3", "-beard:2"])
edit("a.png", method=PromptToPrompt(cross_replace=0.4, inversion=NullText()), target="x")
invert("a.png", inversion="direct", guidance=2)
for name in catalogue():
    edit("a.png", method=name, target="x", options={"guidance": 2})
more: dict[str, Any] = {"steps": 4}
edit("a.png", **more)
"""
WRONG = [
    "edit('a.png', stesp=4)",
    'edit("a.png", strength=0.4)',
    'edit("a.png", method="p2p", strength=0.4)',
    'edit("a.png", method="sdedit", strength="much")',
    'edit("a.png", inversion="nulltext")',
    'edit("a.png", kind="swop")',
    "edit('a.png', method=PromptToPrompt(stesp=4))",
    'edit("a.png", method=PromptToPrompt(), steps=4)',
    "edit(5)",
    'generate("a ball", strength=4)',
    'invert("a.png", kind="swap")',
]


def test_the_file_is_what_the_methods_say() -> None:
    assert stub.PLACE.read_text(encoding="utf-8") == stub.stub(), "run python -m overpaint.registry"


def test_an_editor_takes_what_is_right_and_refuses_what_is_wrong(tmp_path: Path) -> None:
    names = "from overpaint import edit, generate, invert\nfrom overpaint.methods.p2p import PromptToPrompt\n"
    (tmp_path / "right.py").write_text(RIGHT)
    (tmp_path / "wrong.py").write_text(names + "\n".join(WRONG) + "\n")
    settings = f'{{"typeCheckingMode": "strict", "extraPaths": ["{ROOT / "src"}"]}}'
    (tmp_path / "pyrightconfig.json").write_text(settings)
    command = [sys.executable, "-m", "pyright", "-p", str(tmp_path), "--pythonpath", sys.executable]
    said = subprocess.run(command, capture_output=True, text=True, check=False).stdout
    errors = [line for line in said.splitlines() if " - error: " in line]
    assert not [line for line in errors if "right.py:" in line], said
    lines = {int(line.split("wrong.py:")[1].split(":")[0]) for line in errors if "wrong.py:" in line}
    assert lines == set(range(3, 3 + len(WRONG))), said


class Inner(Options):
    """A component."""

    name: Literal["inner"] = "inner"


class Later(PromptToPrompt):
    """A method that lands later, with options of every form."""

    card = PromptToPrompt.card
    several: tuple[int, ...] = Field(default=(), description='a "quoted" \\ thing')
    maybe: Literal["a", "b"] | None = None
    part: Inner = Inner()
    strange: complex = 1j


def test_a_method_that_lands_later_is_written_by_itself(monkeypatch: pytest.MonkeyPatch) -> None:
    places = {**registry.METHODS, "later": "tests.test_stub:Later"}
    monkeypatch.setattr(registry, "METHODS", places)
    known = registry.find

    def find(name: str) -> Any:
        return Later if name == "later" else known(name)

    monkeypatch.setattr(registry, "find", find)
    text = stub.stub()
    compile(text, "api.pyi", "exec")
    for line in (
        "    several: Sequence[int]\n",
        "    maybe: Literal['a', 'b'] | None\n",
        "    part: Inner | Literal['inner'] | Mapping[str, Any]\n",
        "    strange: Any\n",
        f"from {Inner.__module__} import Inner\n",
        "class _LaterOptions(_AskedOptions, total=False):",
    ):
        assert line in text


def test_an_option_that_could_not_be_a_keyword_is_refused() -> None:
    class Clash(PromptToPrompt):
        """A method with an unlucky option."""

        seed: int = 0

    with pytest.raises(OverpaintError, match="The option 'seed' of Clash is a word of edit"):
        stub.check_names([Clash], ["seed"])


def test_the_stub_has_every_function_of_the_module() -> None:
    from overpaint import api

    text = stub.PLACE.read_text(encoding="utf-8")
    own = [name for name, one in vars(api).items() if getattr(one, "__module__", "") == api.__name__]
    assert own and all(f"def {name}(" in text for name in own)
