"""The inpainting denoiser: it begins as its base, and what is stored is what was trained."""

# pyright: reportUnknownMemberType=false

from __future__ import annotations

from typing import Any

import torch
from tests.kit import draw, gap

from overpaint.families.difference import BY, DOWN, UP, base_hash, read_difference, save_difference
from overpaint.train import nets
from overpaint.train.inpaint import EXTRA, RANK, Difference, widened

SIZE = nets.size_of("cpu")
MOST = 1_500_000
"""Bytes that the difference may take."""


def base() -> Any:
    with nets.seeded(3):
        return nets.make_unet(SIZE).half().float()


def inputs() -> tuple[torch.Tensor, ...]:
    return draw(2, 4 + EXTRA, 16, 16), torch.tensor([10, 700]), draw(2, 32, 128, seed=1)


def stirred(made: Difference, by: float = 0.02) -> Difference:
    with torch.no_grad():
        for k, value in enumerate(made.parameters()):
            value.add_(by * draw(*value.shape, seed=k))
    return made


def test_it_begins_as_its_base_whatever_is_shown_beside_the_latent() -> None:
    net = base()
    made = Difference(widened(net))
    x, t, states = inputs()
    with torch.no_grad():
        assert gap(made(x, t, states), net(x[:, :4], t, states).sample) < 1e-5


def test_what_is_stored_is_small_and_restores_what_was_trained() -> None:
    net = base()
    made = stirred(Difference(widened(net)))
    assert sum(2 * value.numel() for value in made.parameters()) <= MOST
    with torch.no_grad():
        trained, whole = made(*inputs()), made.whole(net)
        assert gap(trained, whole(*inputs()).sample) < 1e-4
    assert net.conv_in.in_channels == 4


def test_words_and_levels_are_read_as_before() -> None:
    names = set(Difference(widened(base())).tensors())
    assert not any("attn2.to_k" in name or "attn2.to_v" in name or "time_emb" in name for name in names)
    assert {name.rpartition(".")[2] for name in names} == {"up", "down", "by"}
    assert f"conv_in.weight{BY}" in names
    assert f"mid_block.attentions.0.proj_in.weight{UP}" in names


def test_it_goes_on_from_what_is_stored(tmp_path: Any) -> None:
    net, folder = base(), tmp_path / "model"
    net.half().save_pretrained(folder / "unet")
    made = stirred(Difference(widened(net.float())))
    save_difference(made.tensors(), folder / "inpaint", base_hash(folder))
    again = Difference(widened(net))
    again.take(read_difference(folder / "inpaint"))
    for name, value in again.tensors().items():
        assert torch.equal(value, made.tensors()[name].half().float())
        assert not name.endswith(DOWN) or len(value) == RANK
