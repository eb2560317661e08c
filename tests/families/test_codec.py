"""Pictures to latents and back, against the autoencoder itself."""

from typing import Any

import pytest
import torch
from tests.kit import draw, gap, shared

from overpaint.errors import NotFinite, OverpaintError
from overpaint.families.codec import Codec
from overpaint.families.tiny import tiny


def codec() -> Any:
    family: Any = shared().family
    return family.codec


def test_encode_is_the_scaled_mode() -> None:
    pixels, vae = draw(2, 3, 32, 48).tanh(), codec().vae
    want = vae.encode(pixels).latent_dist.mode() * vae.config.scaling_factor
    assert torch.equal(codec().encode(pixels), want)
    assert want.shape == (2, 4, 8, 12)
    assert vae.config.scaling_factor != 1


def test_decode_is_the_decoder_of_unscaled_latents() -> None:
    latents, vae = draw(2, 4, 8, 12), codec().vae
    want = vae.decode(latents / vae.config.scaling_factor).sample
    assert torch.equal(codec().decode(latents), want)
    assert want.shape == (2, 3, 32, 48)


def test_sizes() -> None:
    assert (codec().factor, codec().channels) == (4, 4)


@pytest.mark.parametrize(
    "more",
    [{"shift_factor": 0.3}, {"latents_mean": [0.1, 0.2, 0.3, 0.4], "latents_std": [1.0, 2.0, 3.0, 4.0]}],
)
def test_shift_and_channel_statistics(more: dict[str, Any]) -> None:
    family: Any = tiny().family
    vae = family.codec.vae
    vae.register_to_config(**more)
    pixels = draw(1, 3, 32, 32).tanh()
    mode = vae.encode(pixels).latent_dist.mode()
    mean = torch.tensor(more.get("latents_mean", [more.get("shift_factor")] * 4)).view(1, 4, 1, 1)
    std = torch.tensor(more.get("latents_std", [1.0] * 4)).view(1, 4, 1, 1)
    latents = Codec(vae).encode(pixels)
    assert gap(latents, (mode - mean) * vae.config.scaling_factor / std) < 1e-6
    assert gap(Codec(vae).decode(latents), vae.decode(mode).sample) < 1e-5


def test_double_latents_are_decoded_as_single() -> None:
    latents = draw(1, 4, 8, 8)
    assert gap(codec().decode(latents.double()), codec().decode(latents)) < 1e-5


@pytest.mark.parametrize("bad", [float("nan"), float("inf")])
def test_values_that_are_not_numbers_are_refused(bad: float) -> None:
    latents = draw(1, 4, 8, 8)
    latents[0, 0, 0, 0] = bad
    with pytest.raises(OverpaintError, match="not numbers; lower the guidance"):
        codec().decode(latents)


def test_no_graph_is_kept() -> None:
    assert not codec().encode(draw(1, 3, 32, 32)).requires_grad
    assert not codec().decode(draw(1, 4, 8, 8)).requires_grad


def overflowing(dtype: torch.dtype) -> Codec:
    """An autoencoder that is too loud for half precision, and for any other once it is damaged."""
    family: Any = tiny().family
    vae = family.codec.vae
    for part in (vae.decoder.conv_out, vae.quant_conv):
        part.weight.data *= 1e8 if dtype == torch.float16 else float("inf")
    return Codec(vae.to(dtype))


@pytest.mark.parametrize(
    "dtype, cause",
    [
        (torch.float16, "overflows in float16; choose the type bfloat16"),
        (torch.float32, "weights are damaged"),
    ],
)
def test_an_autoencoder_that_fails_says_why(dtype: torch.dtype, cause: str) -> None:
    codec = overflowing(dtype)
    with pytest.raises(NotFinite, match=f"encoded picture holds values that are not numbers: .*{cause}"):
        codec.encode(draw(1, 3, 32, 32))
    with pytest.raises(NotFinite, match=f"decoded picture holds values that are not numbers: .*{cause}"):
        codec.decode(draw(1, 4, 8, 8))
