"""LoHa, LoKr and DoRA files change weights by the formulas of their papers, computed here value by value."""

from collections.abc import Callable, Mapping
from itertools import product
from pathlib import Path
from typing import Any, cast

import numpy as np
import pytest
import torch
from tests import original
from tests.cli.kit import save_folder
from tests.kit import draw
from torch import Tensor

from overpaint.errors import UsageError
from overpaint.families.lora import layers_of
from overpaint.run.loading import load

LINEAR = "unet:mid_block_attentions_0_transformer_blocks_0_attn1_to_q"
CONV = "unet:mid_block_resnets_0_conv1"
Parts = Mapping[str, Tensor]
Array = np.ndarray[Any, np.dtype[np.float64]]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save_folder(tmp_path_factory.mktemp("models") / "tiny")


def merged(folder: Path, file: Path, layer: str, scale: str = "") -> tuple[Array, Array]:
    """The weight of a layer of the model on disk, and the same loaded with the file."""
    plain, changed = (
        load(str(folder), device="cpu"),
        load(str(folder), device="cpu", loras=[f"{file}{scale}"]),
    )
    return values(layers_of(plain)[layer].weight), values(layers_of(changed)[layer].weight)


def values(t: Tensor) -> Array:
    return cast(Array, t.detach().double().numpy())


def saved(folder: Path, layer: str, parts: Parts, alpha: float | None = None) -> Path:
    """As LyCORIS writes it."""
    start = f"lora_unet_{layer.partition(':')[2]}"
    tensors = {f"{start}.{name}": value for name, value in parts.items()}
    if alpha is not None:
        tensors[f"{start}.alpha"] = torch.tensor(alpha)
    return original.save(folder / "lora.safetensors", tensors)


def tucker(core: Tensor, a: Tensor, b: Tensor) -> Array:
    """sum over r and s of core[r, s, k, l] * a[r, o] * b[s, i], written out."""
    t, x, y = (values(one) for one in (core, a, b))
    out = np.zeros((x.shape[1], y.shape[1], *t.shape[2:]))
    for r, s in product(range(t.shape[0]), range(t.shape[1])):
        out += x[r][:, None, None, None] * y[s][None, :, None, None] * t[r, s]
    return out


def loha(p: Parts) -> Array:
    """Two low-rank products, multiplied entry by entry."""
    if "hada_t1" in p:
        one, other = (tucker(p[f"hada_t{k}"], p[f"hada_w{k}_a"], p[f"hada_w{k}_b"]) for k in (1, 2))
    else:
        one, other = (values(p[f"hada_w{k}_a"]) @ values(p[f"hada_w{k}_b"]) for k in (1, 2))
    return one * other


def lokr(p: Parts) -> Array:
    """The larger factor, once for every entry of the smaller one and as many times as it says."""
    small = values(p["lokr_w1"]) if "lokr_w1" in p else values(p["lokr_w1_a"]) @ values(p["lokr_w1_b"])
    if "lokr_w2" in p:
        large = values(p["lokr_w2"])
    elif "lokr_t2" in p:
        large = tucker(p["lokr_t2"], p["lokr_w2_a"], p["lokr_w2_b"])
    else:
        large = values(p["lokr_w2_a"]) @ values(p["lokr_w2_b"])
    large = large.reshape(large.shape[0], -1)
    return np.block([[entry * large for entry in row] for row in small])


def some(**sizes: tuple[int, ...]) -> dict[str, Tensor]:
    return {name: draw(*size, seed=k) * 0.3 for k, (name, size) in enumerate(sizes.items())}


LOHA: list[tuple[str, Parts, int | None]] = [
    (LINEAR, some(hada_w1_a=(16, 3), hada_w1_b=(3, 16), hada_w2_a=(16, 3), hada_w2_b=(3, 16)), 3),
    (CONV, some(hada_w1_a=(16, 2), hada_w1_b=(2, 144), hada_w2_a=(16, 2), hada_w2_b=(2, 144)), 2),
    (
        CONV,
        some(
            **{f"hada_t{k}": (2, 2, 3, 3) for k in (1, 2)},
            **{f"hada_w{k}_{side}": (2, 16) for k in (1, 2) for side in "ab"},
        ),
        2,
    ),
]
LOKR: list[tuple[str, Parts, int | None]] = [
    (LINEAR, some(lokr_w1=(4, 2), lokr_w2=(4, 8)), None),
    (LINEAR, some(lokr_w1=(4, 2), lokr_w2_a=(4, 2), lokr_w2_b=(2, 8)), 2),
    (LINEAR, some(lokr_w1_a=(4, 1), lokr_w1_b=(1, 2), lokr_w2_a=(4, 3), lokr_w2_b=(3, 8)), 3),
    (CONV, some(lokr_w1_a=(4, 3), lokr_w1_b=(3, 4), lokr_w2=(4, 4, 3, 3)), 3),
    (CONV, some(lokr_w1=(4, 4), lokr_w2_a=(4, 2), lokr_w2_b=(2, 36)), 2),
    (CONV, some(lokr_w1=(4, 4), lokr_t2=(2, 2, 3, 3), lokr_w2_a=(2, 4), lokr_w2_b=(2, 4)), 2),
]
FORMS: list[tuple[Callable[[Parts], Array], str, Parts, int | None]] = [
    *((loha, layer, parts, rank) for layer, parts, rank in LOHA),
    *((lokr, layer, parts, rank) for layer, parts, rank in LOKR),
]


@pytest.mark.parametrize(("formula", "layer", "parts", "rank"), FORMS)
def test_the_formula_of_the_paper(
    formula: Callable[[Parts], Array],
    layer: str,
    parts: Parts,
    rank: int | None,
    folder: Path,
    tmp_path: Path,
) -> None:
    strength = 1.0 if rank is None else 1.5 / rank
    before, after = merged(folder, saved(tmp_path, layer, parts, 1.5), layer, ":0.5")
    change = formula(parts).reshape(before.shape)
    assert np.abs(change).max() > 0.01
    assert np.abs(after - before - 0.5 * strength * change).max() < 1e-6


def lengths(weight: Array, side: int) -> Array:
    """The length of every output's (0) or every input's (1) share of a weight."""
    flat = np.moveaxis(weight, side, 0).reshape(weight.shape[side], -1)
    return np.array([np.sqrt((row**2).sum()) for row in flat])


@pytest.mark.parametrize("side", [0, 1])
@pytest.mark.parametrize(("layer", "kernel"), [(LINEAR, ()), (CONV, (3, 3))])
@pytest.mark.parametrize("scale", [1.0, 0.4])
def test_dora_sets_the_lengths(
    layer: str, kernel: tuple[int, ...], side: int, scale: float, folder: Path, tmp_path: Path
) -> None:
    """Direction from the weight and its change, length as trained; as much of the way there as asked."""
    ones = [1] * len(kernel)
    up, down = draw(16, 2, *ones) * 0.3, draw(2, 16, *kernel, seed=1) * 0.3
    m = draw(16, seed=2).abs() + 0.5
    parts = {
        "lora_up.weight": up,
        "lora_down.weight": down,
        "dora_scale": m.view(*([16, 1], [1, 16])[side], *ones),
    }
    before, after = merged(folder, saved(tmp_path, layer, parts, 4.0), layer, f":{scale}")
    turned = before + 2 * np.einsum("or,ri->oi", values(up.flatten(1)), values(down.flatten(1))).reshape(
        before.shape
    )
    shape = [16 if k == side else 1 for k in range(before.ndim)]
    wanted = turned * (values(m) / lengths(turned, side)).reshape(shape)
    assert np.abs(after - (before + scale * (wanted - before))).max() < 1e-6
    if scale == 1:
        assert np.abs(lengths(after, side) - values(m)).max() < 1e-6


def test_dora_of_a_kronecker_product(folder: Path, tmp_path: Path) -> None:
    parts = {**some(lokr_w1=(4, 2), lokr_w2=(4, 8)), "dora_scale": draw(16, 1, seed=7).abs() + 0.5}
    before, after = merged(folder, saved(tmp_path, LINEAR, parts), LINEAR)
    turned = before + lokr(parts)
    wanted = turned * (values(parts["dora_scale"]) / lengths(turned, 0)[:, None])
    assert np.abs(after - wanted).max() < 1e-6


@pytest.mark.parametrize("name", ["lora_magnitude_vector", "lora_magnitude_vector.weight"])
@pytest.mark.parametrize(("layer", "kernel"), [(LINEAR, ()), (CONV, (3, 3))])
def test_dora_as_peft_writes_it(
    name: str, layer: str, kernel: tuple[int, ...], folder: Path, tmp_path: Path
) -> None:
    """Lengths of outputs, which for a kernel have the place of its inputs."""
    up, down = draw(16, 2, *[1] * len(kernel)) * 0.3, draw(2, 16, *kernel, seed=1) * 0.3
    m = draw(16, seed=2).abs() + 0.5
    start = {
        LINEAR: "mid_block.attentions.0.transformer_blocks.0.attn1.to_q",
        CONV: "mid_block.resnets.0.conv1",
    }
    tensors = {
        "lora_A.weight": down,
        "lora_B.weight": up,
        name: m.view(1, 16, 1, 1) if kernel else m,
    }
    file = original.save(
        tmp_path / "lora.safetensors",
        {f"base_model.model.{start[layer]}.{k}": v for k, v in tensors.items()},
    )
    before, after = merged(folder, file, layer)
    turned = before + np.einsum("or,ri->oi", values(up.flatten(1)), values(down.flatten(1))).reshape(
        before.shape
    )
    wanted = turned * (values(m) / lengths(turned, 0)).reshape(-1, *[1] * (before.ndim - 1))
    assert np.abs(after - wanted).max() < 1e-6


WRONG: list[tuple[str, Parts]] = [
    (LINEAR, some(hada_w1_a=(16, 3), hada_w1_b=(3, 16), hada_w2_a=(16, 3), hada_w2_b=(3, 8))),
    (LINEAR, some(hada_w1_a=(16, 3), hada_w1_b=(2, 16), hada_w2_a=(16, 3), hada_w2_b=(3, 16))),
    (LINEAR, some(lokr_w1=(4, 2), lokr_w2=(4, 4))),
    (LINEAR, some(lokr_w1=(4,), lokr_w2=(4, 8))),
    (LINEAR, some(lokr_w1=(3000, 2000), lokr_w2=(3000, 2000))),
    (CONV, some(lokr_w1=(4, 4), lokr_w2=(4, 4, 1, 9))),
    (CONV, some(lokr_w1=(4, 4), lokr_t2=(2, 3, 3, 3), lokr_w2_a=(2, 4), lokr_w2_b=(2, 4))),
    (LINEAR, {**some(lokr_w1=(4, 2), lokr_w2=(4, 8)), "dora_scale": torch.ones(8, 1)}),
    (LINEAR, some(**{"lora_up.weight": (16, 0), "lora_down.weight": (0, 16)})),
]


@pytest.mark.parametrize(("layer", "parts"), WRONG)
def test_sizes_that_do_not_go_together(layer: str, parts: Parts, folder: Path, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="have another size in this model"):
        load(str(folder), device="cpu", loras=[str(saved(tmp_path, layer, parts))])


HALF: list[Parts] = [
    some(hada_w1_a=(16, 3), hada_w1_b=(3, 16)),
    some(lokr_w1=(4, 2)),
    some(lokr_w1=(4, 2), lokr_w2=(4, 8), lokr_w2_b=(2, 8)),
    {"dora_scale": torch.ones(16, 1)},
]


@pytest.mark.parametrize("parts", HALF)
def test_parts_that_are_missing_or_of_two_forms(parts: Parts, folder: Path, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="is not whole"):
        load(str(folder), device="cpu", loras=[str(saved(tmp_path, LINEAR, parts))])


def test_lengths_that_make_no_numbers(folder: Path, tmp_path: Path) -> None:
    parts = {**some(lokr_w1=(4, 2), lokr_w2=(4, 8)), "dora_scale": torch.full((16, 1), 3e38)}
    with pytest.raises(UsageError, match="makes weights that are not numbers"):
        load(str(folder), device="cpu", loras=[f"{saved(tmp_path, LINEAR, parts)}:10"])
