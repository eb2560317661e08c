import subprocess
import sys

import pytest

import overpaint


@pytest.mark.parametrize("name", overpaint.__all__)
def test_every_name_is_there(name: str) -> None:
    assert getattr(overpaint, name) is not None
    assert name in dir(overpaint)


@pytest.mark.parametrize("name", ["nonsense", "_HOME"])
def test_other_names_are_refused_as_usual(name: str) -> None:
    with pytest.raises(AttributeError, match=name):
        getattr(overpaint, name)


def test_importing_is_quick() -> None:
    code = "import sys, overpaint; sys.exit(bool({'torch', 'numpy', 'pydantic', 'PIL'} & set(sys.modules)))"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
