"""What the segmenter is trained on and by."""

from pathlib import Path

import torch
from torch import Tensor

from overpaint.sides.segmenter import Segmenter, Surface
from overpaint.stilllife.palette import PALETTE
from overpaint.stilllife.render import render
from overpaint.stilllife.scene import FRAME
from overpaint.stilllife.truth import truth
from overpaint.train.data import Renders, held_out
from overpaint.train.loop import Stage
from overpaint.train.nets import seeded
from overpaint.train.optim import Rates
from overpaint.train.segmenter import segmenter_figures, segmenter_stage, surface_loss


def stage(home: Path) -> Stage:
    renders, echoes = Renders(home, 4), Renders(home, 2, name="echoes")
    renders.make()
    echoes.make(draw=lambda picked: torch.full((len(picked), 3, FRAME, FRAME), 0.2))
    with seeded(0):
        net = Segmenter(PALETTE, width=8)
    return segmenter_stage(net, renders, echoes, 10, Rates(1e-3), through=lambda x: x, batch=4, exam=2)


def test_a_batch_is_half_drawn_and_its_truth_is_exact(tmp_path: Path) -> None:
    one = stage(tmp_path)
    batch = one.batch(0)
    assert (batch["pixels"][2:] - 0.2).abs().max() < 1 / 255
    assert batch["names"].shape == (4, FRAME, FRAME) and int(batch["names"].max()) < len(PALETTE.names)
    loss, parts = one.loss(batch, torch.Generator().manual_seed(0))
    assert set(parts) == {"names", "near", "normals"} and torch.isfinite(loss)
    one.nets["segmenter"].eval()
    assert one.measure is not None
    assert {"iou", "pixels", "vae_iou", "near_off"} <= set(one.measure())


def perfect() -> tuple[Surface, dict[str, Tensor]]:
    known = truth(held_out(2))
    names = 50.0 * torch.nn.functional.one_hot(known.segments, len(PALETTE.names)).movedim(-1, 1)
    near = 1 / known.depth
    told = {"names": known.segments, "near": near, "normals": known.normals}
    return Surface(names, near, known.normals), told


def test_a_true_answer_has_no_loss() -> None:
    found, told = perfect()
    loss, _ = surface_loss(found, told)
    assert float(loss) < 1e-6
    worse, _ = surface_loss(Surface(-found.names, found.near, found.normals), told)
    assert float(worse) > 1


def test_figures_of_a_reader_that_knows_the_truth() -> None:
    scenes = held_out(2)
    known = truth(scenes)

    class Knowing(Segmenter):
        def read(self, pictures: Tensor) -> Surface:
            del pictures
            return perfect()[0]

    found = segmenter_figures(Knowing(PALETTE, width=8), scenes, known, render(scenes), chunk=2)
    assert found == {"pixels": 1.0, "near_off": 0.0, "normals_off": 0.0, "iou": 1.0}
