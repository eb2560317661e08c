from pathlib import Path

import pytest
import torch
from tests.kit import draw, gap

from overpaint.errors import UsageError
from overpaint.families.clip import HALF, ClipEye, colours
from overpaint.stilllife.captions import describe
from overpaint.stilllife.render import render
from overpaint.stilllife.scene import FRAME, sample
from overpaint.train.data import token_batch
from overpaint.train.text import text_states

SCENES = [sample(510_000 + k) for k in range(24)]


@pytest.fixture(scope="module")
def eye() -> ClipEye:
    return ClipEye.load()


@pytest.fixture(scope="module")
def pictures() -> torch.Tensor:
    return render(SCENES, FRAME) * 2 - 1


def test_vectors_are_units_of_one_space(eye: ClipEye, pictures: torch.Tensor) -> None:
    seen, said = eye.look(pictures[:3]), eye.read(["a red ball", "a blue cube on snow"])
    assert seen.shape == (3, 128) and said.shape == (2, 128)
    assert gap(torch.cat([seen, said]).square().sum(-1), torch.ones(5)) < 1e-5


def test_a_picture_agrees_with_its_own_sentence(eye: ClipEye, pictures: torch.Tensor) -> None:
    said = eye.read([describe(scene).text for scene in SCENES])
    best = (eye.look(pictures) @ said.T).argmax(1)
    assert int((best == torch.arange(len(SCENES))).sum()) >= len(SCENES) - 6


def test_what_it_sees_patch_by_patch_leads_to_its_vector(eye: ClipEye, pictures: torch.Tensor) -> None:
    seen = eye.tokens(pictures[:2])
    assert seen.shape == (2, 1 + 64, 128)
    whole = torch.nn.functional.normalize(eye.vision.visual_projection(seen[:, 0]), dim=-1)
    assert gap(whole, eye.look(pictures[:2])) < 1e-5


def test_it_is_known_by_what_looks(eye: ClipEye) -> None:
    assert eye.fingerprint == ClipEye.load().fingerprint != ""


def test_sentences_are_read_as_the_trainer_reads_them(eye: ClipEye) -> None:
    texts = [describe(scene).text for scene in SCENES[:4]]
    pooled = text_states(eye.text, token_batch(texts))[1]
    wanted = torch.nn.functional.normalize(pooled @ eye.projection.T, dim=-1)
    assert gap(eye.read(texts), wanted) < 1e-5


def test_gradients_reach_the_pixels_and_leave_the_weights_alone(eye: ClipEye) -> None:
    pixels = (0.3 * draw(1, 3, 128, 128)).requires_grad_(True)
    (1 - eye.look(pixels) @ eye.read(["a red ball"]).T).sum().backward()  # pyright: ignore[reportUnknownMemberType]
    assert pixels.grad is not None and float(pixels.grad.abs().max()) > 0
    assert all(p.grad is None for p in eye.vision.parameters())


def test_other_sizes_are_scaled_and_their_middle_is_seen(eye: ClipEye, pictures: torch.Tensor) -> None:
    large = torch.nn.functional.interpolate(pictures[:1], scale_factor=2, mode="nearest")
    wide = torch.nn.functional.pad(large, (64, 64, 0, 0))
    assert float(eye.look(large) @ eye.look(pictures[:1]).T) > 0.95
    assert gap(eye.look(wide), eye.look(large)) < 1e-3


def test_keys_belong_to_patches(eye: ClipEye, pictures: torch.Tensor) -> None:
    changed = pictures[:1].clone()
    changed[..., :16, :16] = -1
    keys = eye.keys(torch.cat([pictures[:1], changed]))
    assert keys.shape == (2, 64, 128)
    moved = (keys[0] - keys[1]).square().sum(-1)
    assert int(moved.argmax()) == 0


def test_nothing_hangs_on_the_tower_afterwards(eye: ClipEye, pictures: torch.Tensor) -> None:
    eye.keys(pictures[:1])
    assert not any(m._forward_hooks for m in eye.vision.modules())


def test_loading_leaves_the_global_draws_alone() -> None:
    before = torch.get_rng_state()
    ClipEye.load()
    assert torch.equal(torch.get_rng_state(), before)


def test_what_a_folder_says_of_colours_counts(tmp_path: Path, eye: ClipEye) -> None:
    assert colours(tmp_path) == (HALF, HALF)
    (tmp_path / "preprocessor_config.json").write_text('{"image_mean": [0.4, 0.5, 0.6]}')
    assert colours(tmp_path) == ((0.4, 0.5, 0.6), HALF)


def test_missing_parts_are_named(tmp_path: Path) -> None:
    (tmp_path / "tokenizer").mkdir()
    with pytest.raises(UsageError, match="lacks image_encoder, text_encoder, text_projection"):
        ClipEye.load(tmp_path)
