import json
from pathlib import Path

import torch

from overpaint.train.stages import SHIPPED, Trainer


def test_the_shipped_decoder_comes_with_the_scale_it_was_shipped_with(tmp_path: Path) -> None:
    """Measuring or tuning it in an empty folder needs no latents."""
    told = json.loads((SHIPPED / "vae" / "config.json").read_text())["scaling_factor"]
    vae, scale = Trainer(tmp_path).best_vae()
    assert scale == told
    shipped = Trainer(tmp_path).shipped("vae")
    assert shipped is not None
    assert all(torch.equal(value, shipped[name]) for name, value in vae.state_dict().items())


def test_only_training_of_the_shipped_shape_goes_on_from_its_log(tmp_path: Path) -> None:
    log = json.loads((SHIPPED / "LOG.json").read_text())
    assert Trainer(tmp_path, "cpu").earlier() == log
    assert Trainer(tmp_path, "cpu", resume=False).earlier() is None
    assert Trainer(tmp_path, "gpu").earlier() is None
    assert Trainer(tmp_path, "toy").earlier() is None
