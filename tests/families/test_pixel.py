import json
from pathlib import Path
from typing import Any

import pytest
import torch
from diffusers.schedulers.scheduling_ddpm import DDPMScheduler
from tests.kit import draw, gap

from overpaint.errors import UsageError
from overpaint.families.checkup import problems
from overpaint.families.load import load
from overpaint.families.tiny import tiny
from overpaint.files.provenance import Origin
from overpaint.guides import Plain
from overpaint.model import Branch
from overpaint.network import Residuals
from overpaint.run.plan import grain
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


def folder(home: Path, **config: Any) -> Path:
    """A network on pixels as diffusers writes it."""
    net: Any = tiny("pixel").net
    net.register_to_config(**config)
    net.save_pretrained(home / "unet")
    scheduler: Any = DDPMScheduler(num_train_timesteps=1000)
    scheduler.save_pretrained(home / "scheduler")
    return home


def test_a_folder_of_diffusers_is_loaded(tmp_path: Path) -> None:
    model = load(str(folder(tmp_path / "ddpm")), torch.float32, "cpu")
    assert (model.family.name, model.family.side, model.name) == ("pixel", 32, "ddpm")
    t, x = torch.tensor(300), draw(1, 3, 32, 32)
    with torch.no_grad():
        want = tiny("pixel").net(x, t).sample
        assert gap(model.family.call(model.net, x, t, model.family.null(), Residuals()), want) < 1e-5
    assert float(model.path().alpha[-2] ** 2) == pytest.approx(1 - 1e-4)
    assert len(model.tap.sites) > 0 and grain(model) == 2
    assert problems(tmp_path / "ddpm", trial=False) == []


@pytest.mark.parametrize(
    ("config", "says"),
    [
        ({"num_class_embeds": 10}, "wants a class beside the picture"),
        ({"sample_size": None}, "say their size"),
    ],
)
def test_networks_that_want_more_are_refused(config: dict[str, Any], says: str, tmp_path: Path) -> None:
    home, told = folder(tmp_path), tmp_path / "unet" / "config.json"
    told.write_text(json.dumps({**json.loads(told.read_text()), **config}))
    with pytest.raises(UsageError, match=says):
        load(str(home), torch.float32, "cpu")


def test_what_it_cannot_take_is_refused(tmp_path: Path) -> None:
    home = folder(tmp_path)
    with pytest.raises(UsageError, match="takes no LoRA"):
        load(str(home), torch.float32, "cpu", Origin(tokenizer=str(tmp_path)))
    (home / "scheduler" / "scheduler_config.json").unlink()
    with pytest.raises(UsageError, match="lacks scheduler/scheduler_config"):
        load(str(home), torch.float32, "cpu")
