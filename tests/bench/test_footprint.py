"""What edits take at the most, found on networks without values and held against the same with values."""

import json

import pytest
import torch
from tests.cli.kit import overpaint
from torch import nn
from torch._subclasses.fake_tensor import FakeTensorMode

from overpaint import registry
from overpaint.bench.footprint import counting, takers, watched
from overpaint.contract.trial import network, short
from overpaint.errors import UsageError
from overpaint.model import Model
from overpaint.run.estimate import Living

MODEL = 859_520_964 * 2 + 123_060_480 * 4 + 83_653_863 * 4
"""Stable Diffusion 1.5: the network in bfloat16, the text encoder and the autoencoder in float32."""


def emptied(mode: FakeTensorMode, model: Model) -> Model:
    nets: list[nn.Module] = [model.net, *(net for several in model.family.parts.values() for net in several)]
    for module in (one for net in nets for one in net.modules()):
        for name, value in [*module.named_parameters(recurse=False)]:
            setattr(module, name, nn.Parameter(mode.from_tensor(value.data), requires_grad=False))
    vars(model)["fingerprint"] = "hollow"
    return model


@pytest.mark.parametrize("name", ["p2p", "pix2pix-zero"])
def test_the_most_is_that_of_networks_with_values(name: str) -> None:
    kind = registry.find(name)
    whole = network(kind, "sd1")
    with Living() as living:
        true = watched(whole, kind, short(kind, steps=2), living)
    mode = FakeTensorMode(allow_non_fake_inputs=True)
    model = emptied(mode, network(kind, "sd1"))
    with counting(mode) as living:
        found = watched(model, kind, short(kind, steps=2), living, mode.from_tensor)
    assert found == true and true.weights > 0


def test_every_card_says_it_and_the_command_finds_it_again() -> None:
    kept = json.loads(registry.MEMORY.read_text())
    assert {*kept} == {*registry.METHODS} and min(kept.values()) > MODEL
    assert {name: card["memory"] for name, card in registry.read_summary().items()} == kept
    said = overpaint("bench", "memory", "--methods", "sdedit")
    peak, weights = f"{kept['sdedit'] / 1e9:.2f}", f"{MODEL / 1e9:.2f}"
    assert said.code == 0 and said.out.splitlines()[-1].startswith(f"| sdedit | {peak} | {weights} | ")
    assert torch.get_default_dtype() == torch.float32


def test_what_cannot_be_looked_at_is_said() -> None:
    with pytest.raises(UsageError, match="did you mean 'sdxl'"):
        takers([], "sdlx")
    with pytest.raises(UsageError, match="There is no network of the family 'pixel'"):
        takers(["glide"], "pixel")
    assert takers([], "sdxl") == list(registry.METHODS)
