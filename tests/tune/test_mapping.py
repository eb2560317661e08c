"""The network from a picture to a scale and a shift, against torch's own layers."""

from typing import Any

import torch
from tests.kit import draw, gap
from torch import Tensor, nn

from overpaint.noise import Noise
from overpaint.tune.mapping import ValueMapping, as_wide, patches

SEEN, WIDTH, WINDOW = 17, 24, 5


def mapping() -> ValueMapping:
    return ValueMapping(draw(SEEN, WIDTH, seed=3), WINDOW)


def layers(own: ValueMapping, flat: Tensor) -> nn.Sequential:
    """The same with torch's layers, which see tokens as channels."""
    made = 2 * own.window
    net = nn.Sequential(
        nn.Conv1d(len(own.seen), made, 1),
        nn.Conv1d(made, made, 1),
        nn.BatchNorm1d(made),
        nn.LeakyReLU(0.01),
        nn.Conv1d(made, made, 1),
    )
    with torch.no_grad():
        nn.utils.vector_to_parameters(flat[0], net.parameters())
    return net.train().requires_grad_(False)


def test_it_is_three_convolutions_and_a_batch_norm_in_training() -> None:
    own = mapping()
    flat = own.begin(Noise(0)) + 0.1 * draw(1, own.begin(Noise(0)).numel(), seed=1)
    net = layers(own, flat)
    with torch.no_grad():
        wanted: Tensor = net(own.seen[None])[0].view(2, WINDOW, WIDTH)
        twice: Tensor = net(own.seen.expand(2, -1, -1))
    assert gap(own(flat), wanted) < 1e-5
    assert gap(twice[0].view(2, WINDOW, WIDTH), wanted) < 1e-5, "one picture or the same twice is one"


def test_it_begins_as_torch_begins_its_layers() -> None:
    own = mapping()
    net: Any = layers(own, own.begin(Noise(4)))
    for conv, inputs in ((net[0], SEEN), (net[1], 2 * WINDOW), (net[4], 2 * WINDOW)):
        for values in (conv.weight, conv.bias):
            size = values.abs().max() * inputs**0.5
            assert 0.5 < float(size) <= 1.0
    assert torch.equal(net[2].weight, torch.ones(2 * WINDOW))
    assert torch.equal(net[2].bias, torch.zeros(2 * WINDOW))
    spread = float(net[0].weight.std() * (3 * SEEN) ** 0.5)
    assert abs(spread - 1) < 0.15, "uniform"


def test_the_seed_alone_says_how_it_begins() -> None:
    own, state = mapping(), torch.get_rng_state()
    assert torch.equal(own.begin(Noise(1)), mapping().begin(Noise(1)))
    assert not torch.equal(own.begin(Noise(1)), own.begin(Noise(2)))
    assert torch.equal(torch.get_rng_state(), state)


def test_gradients_reach_every_parameter_but_those_that_a_norm_takes_away() -> None:
    own = mapping()
    flat = own.begin(Noise(0)).requires_grad_(True)
    (grad,) = torch.autograd.grad(own(flat).square().sum(), flat)
    sizes = [(name, torch.Size(shape).numel()) for name, shape in own.shapes.items()]
    parts = dict(zip([name for name, _ in sizes], torch.split(grad[0], [n for _, n in sizes]), strict=True))
    still = {name for name, part in parts.items() if float(part.abs().max()) < 1e-4}
    assert still == {"start.bias", "block.bias"}


def test_tokens_become_as_wide_as_a_text() -> None:
    tokens = draw(5, 24)
    assert as_wide(tokens, 24) is tokens
    ramp = torch.linspace(0, 1, 64).expand(3, -1)
    wide = as_wide(ramp, 32)
    assert wide.shape == (3, 32) and gap(wide[0].diff(), torch.full((31,), 2 / 63)) < 1e-6


def test_a_latent_in_patches() -> None:
    x0 = draw(1, 4, 24, 40)
    seen = patches(x0)
    assert seen.shape == (1 + 14 * 14, 4 * 16)
    assert gap(seen.mean(1), torch.zeros(197)) < 1e-5 and gap(seen.std(1), torch.ones(197)) < 0.02
    turned = patches(x0.flip(-1))
    assert gap(turned, seen) > 0.1, "it knows where things are"
    assert bool(torch.isfinite(patches(torch.zeros(1, 4, 8, 8))).all())
