"""What can be said of an edit whose right answer nobody knows."""

from collections.abc import Mapping
from functools import cache
from pathlib import Path

import torch

from overpaint.bench.figures import FIGURES, Figure
from overpaint.bench.measuring import Seen, metrics, outside, structures, unit
from overpaint.bench.measuring import agreement as agreement_of
from overpaint.errors import UsageError
from overpaint.families.clip import ClipEye
from overpaint.files.weightfile import base_of
from overpaint.images import Picture
from overpaint.model import Model
from overpaint.run.plan import Job
from overpaint.run.result import Edit

OWN: Mapping[str, Figure] = {
    "seconds": Figure("seconds", "less", "wall clock time here; an inversion found is not in it", 1),
    "rows": Figure("rows", "less", "rows through the network here", 0),
    "rows_alone": Figure("rows alone", "less", "rows of this edit if nothing were shared", 0),
    "seconds_alone": Figure("seconds alone", "less", "time of this edit if nothing were shared", 1),
    "clip": FIGURES["clip"],
    "direction": FIGURES["direction"],
    "structure": FIGURES["structure"],
    "psnr_outside": Figure("PSNR out", "more", "dB outside the mask, as the network left it", 1),
    "ssim_outside": Figure("SSIM out", "more", "structural similarity there", 2),
    "mse_outside": FIGURES["mse_outside"],
    "psnr_outside_pasted": FIGURES["psnr_outside_pasted"],
    "ssim_outside_pasted": Figure("SSIM out, pasted", "more", "the same after pasting the source back", 2),
    "mse_outside_pasted": FIGURES["mse_outside_pasted"],
    "strayed": Figure("strayed", "less", "how far the source ends from its latent on its way back (RMS)", 3),
    "unasked": Figure("unasked", "more", "dB between the picture and an edit that was asked for nothing", 1),
}
"""The columns of a comparison, beside those of the score."""
MISSING_METRICS = (
    "Figures of quality are missing: torchmetrics is not installed (pip install 'overpaint[bench]')."
)
MISSING_EYE = "CLIP, direction and structure are missing: the model {} has no image tower of CLIP beside it."


@cache
def eye_of(home: Path) -> ClipEye:
    """The towers beside a model, on the processor, where pictures are measured."""
    return ClipEye.load(home)


def missing(model: Model) -> str:
    """Why some figures will be missing, as a sentence; empty if none will."""
    try:
        metrics()
    except UsageError:
        return MISSING_METRICS
    return "" if model.open_eye is not None else MISSING_EYE.format(model.name)


def seen(job: Job, edit: Edit, bare: Picture) -> dict[str, float]:
    """The figures of an edit; ``bare`` is its picture before the outside of a mask was put back."""
    source, mask = job.asked.shown, job.asked.mask
    found = {"strayed": edit.figures.strayed} if edit.figures.strayed is not None else {}
    if source is None or missing(job.model) == MISSING_METRICS:
        return found
    with torch.no_grad():
        if mask is not None:
            region = mask.weights > 0
            keep = torch.tensor(~region)
            if bool(keep.any()):
                found |= outside(unit(source), unit(bare), keep, "")
                found |= outside(unit(source), unit(edit.picture), keep, "_pasted")
        if job.model.open_eye is not None and job.model.home is not None:
            eye = eye_of(base_of(job.model.home))
            told = job.asked.request
            both = Seen(source, edit.picture, source_prompt=told.source, target_prompt=told.target)
            found |= structures(both, eye) | agreement_of(both, eye)
    return found
