"""What Still Life comes with for holes: a network that reads them, and a CLIP tower that sees through noise."""

import torch

from overpaint.guides.noisy_clip import glimpse_of
from overpaint.run.loading import load


def test_the_inpainting_network_and_the_tower_lie_beside_the_ordinary_one() -> None:
    plain, wide = load("still-life"), load("still-life-inpaint")
    assert (plain.family.name, wide.family.name, wide.name) == ("sd1", "sd1-inpaint", "still-life-inpaint")
    assert wide.family.extra == 5
    text = plain.family.text("a red ball on grass")
    assert torch.equal(text.states, wide.family.text("a red ball on grass").states)
    x = torch.randn(1, 4, 16, 16, generator=torch.Generator().manual_seed(0))
    for model in (plain, wide):
        with torch.no_grad():
            seen = glimpse_of(model).through(x, torch.tensor([500]))
        assert torch.allclose(seen.norm(dim=-1), torch.ones(1), atol=1e-5)
