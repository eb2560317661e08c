from pathlib import Path

import numpy as np
import pytest
import torch
from tests.bench.pie.kit import save_clip, save_dino, save_yardsticks

from overpaint.bench.pie.yardsticks import yardsticks
from overpaint.families.yardsticks import CLIP, DINO, ClipAgreement, DinoKeys, mark_of


@pytest.fixture(autouse=True)
def offline(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HF_HUB_CACHE", str(tmp_path / "hub"))
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")


def test_keys_are_those_of_the_last_layer_with_the_class_token(tmp_path: Path) -> None:
    net = save_dino(tmp_path)
    keys = DinoKeys.load(tmp_path)
    assert keys is not None
    found = keys(torch.rand(1, 3, 48, 32, generator=torch.Generator().manual_seed(1)))
    assert found.shape == (1 + 6 * 4, 16)
    weights = [t for name, t in net.named_parameters() if name.endswith(("key.weight", "k_proj.weight"))]
    assert len(weights) == 2 and float(found.std(0).min()) > 0


def test_agreement_is_a_hundred_times_the_cosine(tmp_path: Path) -> None:
    save_clip(tmp_path)
    agree = ClipAgreement.load(tmp_path)
    assert agree is not None
    pixels = np.random.default_rng(0).integers(0, 256, (40, 48, 3), dtype=np.uint8)
    found = [
        agree(pixels, sentence)
        for sentence in ("a cat", "a cat", "a dog " * 40, "sea", "on", "the", "cat dog")
    ]
    assert found[0] == found[1] and all(0 < one < 100 for one in found) and len({*found}) == 6


def test_what_is_not_here_is_none(tmp_path: Path) -> None:
    assert DinoKeys.load(tmp_path) is None and ClipAgreement.load() is None


def test_what_is_there_is_known_by_its_weights(tmp_path: Path) -> None:
    found = yardsticks(save_yardsticks(tmp_path / "all"))
    assert found.missing == () and found.marks.keys() == {DINO, CLIP, "lpips-squeeze.safetensors"}
    place = tmp_path / "all" / DINO.rpartition("/")[2]
    before = mark_of(place)
    assert before == found.marks[DINO]
    (place / "model.safetensors").write_bytes(b"other")
    assert mark_of(place) != before
    assert yardsticks(None).marks == {}


@pytest.mark.parametrize(("name", "file"), [(DINO, "model.safetensors"), (CLIP, "config.json")])
def test_a_damaged_network_is_said_to_be_so(tmp_path: Path, name: str, file: str) -> None:
    place = save_yardsticks(tmp_path / "all") / name.rpartition("/")[2]
    (place / file).write_bytes(b"rubbish")
    found = yardsticks(tmp_path / "all")
    assert name not in found.marks and len(found.missing) == 1
    assert f"{name} in {place} cannot be loaded, as it is damaged" in found.missing[0]
