from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import save

from overpaint.errors import UsageError
from overpaint.families.tiny import tiny
from overpaint.files.fingerprint import tensor_hash
from overpaint.files.weightfile import LEARNED
from overpaint.tune.direction import Direction
from overpaint.tune.patch import Weights

NAME = "conv_out.bias"


def learned(by: float = 1.0) -> Weights:
    return Weights({NAME: torch.full((4,), by)}, "some model", {"method": "imagic"})


def test_it_is_on_for_the_length_of_a_with() -> None:
    model = tiny("sd1")
    before, content = tensor_hash(*model.net.state_dict().values()), model.content
    with model.patched(learned()):
        assert torch.equal(dict(model.net.named_parameters())[NAME], torch.ones(4))
        assert model.content != content
    with pytest.raises(KeyboardInterrupt), model.patched(learned()):
        raise KeyboardInterrupt
    assert tensor_hash(*model.net.state_dict().values()) == before and model.content == content


def test_it_is_kept_in_a_file_that_says_what_it_is(tmp_path: Path) -> None:
    file = tmp_path / "cat.safetensors"
    learned().save(file)
    again = Weights.load(file)
    assert again.fingerprint == learned().fingerprint != learned(2.0).fingerprint
    assert (again.model, dict(again.about)) == ("some model", {"method": "imagic"})


@pytest.mark.parametrize("data", [b"", b"half a file", (8).to_bytes(8, "little") + b"{}      "])
def test_a_file_that_is_something_else_is_refused(data: bytes, tmp_path: Path) -> None:
    file = tmp_path / "x.safetensors"
    file.write_bytes(data)
    with pytest.raises(UsageError, match="nothing that overpaint learned"):
        Weights.load(file)
    with pytest.raises(UsageError, match="cannot be read"):
        Weights.load(tmp_path / "none.safetensors")


def test_another_network_is_refused_before_anything_changes() -> None:
    model = tiny("sd1")
    wrong = Weights({NAME: torch.ones(4), "no.such": torch.ones(1)})
    with pytest.raises(UsageError, match=r"'no\.such'"), model.patched(wrong):
        pass
    assert float(dict(model.net.named_parameters())[NAME].abs().max()) < 1


@pytest.mark.parametrize("of", [Weights, Direction])
def test_a_device_is_not_read_without_end(of: Any) -> None:
    with pytest.raises(UsageError, match="no file with a content of its own"):
        of.load(Path("/dev/zero"))


@pytest.mark.parametrize("told", ['{"model": "", "about": []}', "[]", "[" * 100_000])
def test_what_a_file_says_of_itself_may_be_anything(told: str, tmp_path: Path) -> None:
    file = tmp_path / "x.safetensors"
    file.write_bytes(save({"a": torch.zeros(1)}, {LEARNED: told}))
    with pytest.raises(UsageError, match="holds nothing that overpaint learned"):
        Weights.load(file)
