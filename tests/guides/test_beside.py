import torch
from tests.kit import draw, text

from overpaint.families.tiny import tiny
from overpaint.guides import CFG, Beside
from overpaint.model import Branch


def test_every_row_brings_the_channels() -> None:
    channels, guide = draw(1, 5, 8, 8), CFG(text("sd1", "a cat"), text("sd1", ""), 3.0)
    beside = Beside(guide, channels).begin()
    assert [line.sign for line in beside.lines(0)] == ["-", "+"]
    assert all(line.concat is channels for line in beside.lines(0))
    assert not beside.differentiates


def test_an_inpainting_network_reads_them() -> None:
    model = tiny("sd1-inpaint")
    guide = CFG(model.family.text("a cat"), model.family.null(), 3.0)
    made: list[torch.Tensor] = []
    for fill in (0.0, 1.0):
        channels = torch.full((1, 5, 8, 8), fill)
        x = {"tgt": draw(1, 4, 8, 8)}
        with torch.no_grad():
            made.append(
                model.predict(x, 1, model.path(4), [Branch("tgt", Beside(guide, channels))])["tgt"].eps
            )
    assert made[0].shape == (1, 4, 8, 8) and not torch.equal(*made)
