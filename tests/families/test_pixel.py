import torch
from tests.kit import draw

from overpaint.families.tiny import tiny
from overpaint.guides import Plain
from overpaint.model import Branch
from overpaint.sample import denoise


def test_a_latent_is_the_picture_itself() -> None:
    model = tiny("pixel")
    pixels = torch.tanh(draw(1, 3, 32, 32))
    assert model.family.encode(pixels) is pixels and model.family.decode(pixels) is pixels
    assert model.shape(32, 32) == (1, 3, 32, 32)


def test_it_walks_like_any_other() -> None:
    model = tiny("pixel")
    with torch.no_grad():
        end = denoise(
            model, model.path(3), {"tgt": draw(1, 3, 32, 32)}, [Branch("tgt", Plain(model.family.null()))]
        )["tgt"]
    assert end.shape == (1, 3, 32, 32) and bool(torch.isfinite(end).all())
