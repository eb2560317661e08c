import torch
from tests.kit import draw, shared

from overpaint.run.preview import Preview, columns


def test_the_fit_finds_a_decoder_that_is_linear() -> None:
    latents, true = draw(2, 4, 8, 8), draw(5, 3, seed=1)
    found = torch.pinverse(columns(latents)) @ (columns(latents) @ true)
    assert torch.allclose(found, true, atol=1e-4)


def test_a_preview_is_a_picture_of_the_right_size_and_close_to_the_decoder() -> None:
    model = shared()
    preview = Preview.fit(model)
    latents = 0.5 * draw(1, 4, 8, 8)
    assert preview.weights.shape == (5, 3)
    assert preview.picture(latents, model.family.factor).size == (32, 32)
    assert preview.colours(latents).abs().max() <= 1


def test_fitting_leaves_global_randomness_alone() -> None:
    state = torch.random.get_rng_state()
    first = Preview.fit(shared()).weights
    assert torch.equal(state, torch.random.get_rng_state())
    assert torch.equal(first, Preview.fit(shared()).weights)
