"""The figures of a case and an edit, what each means, and when an edit counts as a success."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from overpaint.bench.case import Case, Pictures
from overpaint.bench.judging import verdict
from overpaint.bench.measuring import Seen, measured, shipped_eye
from overpaint.images import Picture

ALONE = "alone"
"""The figure that tells how long an edit takes where nothing else works."""
ENOUGH = 25.0
"""Decibels outside the region that a success needs."""


@dataclass(frozen=True)
class Figure:
    """One column of the table."""

    title: str
    better: Literal["more", "less"]
    meaning: str
    digits: int = 2


FIGURES: Mapping[str, Figure] = {
    "success": Figure("success", "more", f"changed, kept, and at least {ENOUGH:.0f} dB outside the region"),
    "changed": Figure("changed", "more", "the judge sees all that was asked for"),
    "kept": Figure("kept", "more", "the judge sees all else as it was"),
    "psnr_inside": Figure("PSNR in", "more", "dB inside the region, against the true answer", 1),
    "ssim_inside": Figure("SSIM in", "more", "structural similarity there"),
    "structure_inside": Figure(
        "structure in", "less", "100 x squared distance of the patches' likenesses there to the true answer's"
    ),
    "psnr_outside": Figure("PSNR out", "more", "dB outside the region, against the source", 1),
    "ssim_outside": Figure("SSIM out", "more", "structural similarity there"),
    "mse_outside": Figure("MSE out", "less", "squared error there, colours in [0, 1]", 4),
    "psnr_outside_pasted": Figure("PSNR out, pasted", "more", "the same after pasting the source back", 1),
    "ssim_outside_pasted": Figure("SSIM out, pasted", "more", "the same after pasting the source back"),
    "mse_outside_pasted": Figure("MSE out, pasted", "less", "the same after pasting the source back", 4),
    "psnr_whole": Figure("PSNR", "more", "dB over the whole picture, against the true answer", 1),
    "psnr_whole_pasted": Figure("PSNR, pasted", "more", "the same after pasting the source back", 1),
    "structure": Figure("structure", "less", "100 x squared distance of patches' likenesses to the source's"),
    "clip": Figure("CLIP", "more", "100 x cosine of picture and target prompt", 1),
    "direction": Figure("direction", "more", "cosine of the change of the picture and that of the words"),
    "pie_structure": Figure("structure x1000", "less", "PIE-Bench: distance of DINO's keys to the source's"),
    "pie_psnr": Figure("PSNR out", "more", "PIE-Bench: dB outside the mask, over the whole frame"),
    "pie_lpips": Figure("LPIPS out x1000", "less", "PIE-Bench: perceptual distance there"),
    "pie_mse": Figure("MSE out x10000", "less", "PIE-Bench: squared error there"),
    "pie_ssim": Figure("SSIM out x100", "more", "PIE-Bench: structural similarity there"),
    "pie_clip": Figure("CLIP whole", "more", "PIE-Bench: agreement with the target prompt"),
    "pie_clip_edited": Figure("CLIP edited", "more", "PIE-Bench: the same of what lies inside the mask"),
    "pie_clip_source": Figure("CLIP source", "more", "PIE-Bench: of the source with its own prompt"),
    "pie_psnr_pasted": Figure("PSNR out, pasted", "more", "the same after pasting the source back"),
    "pie_lpips_pasted": Figure("LPIPS out x1000, pasted", "less", "the same after pasting the source back"),
    "pie_mse_pasted": Figure("MSE out x10000, pasted", "less", "the same after pasting the source back"),
    "pie_ssim_pasted": Figure("SSIM out x100, pasted", "more", "the same after pasting the source back"),
    "rows": Figure("rows", "less", "rows through the network, its inversion counted", 0),
    "seconds": Figure("seconds", "less", "wall clock time, its inversion counted"),
    ALONE: Figure("seconds alone", "less", "the same of a few cases, nothing else being at work"),
    "memory": Figure("memory", "less", "MB: the most that the process, or the accelerator, held", 0),
}
"""All figures, in the order of the table."""
OFFICIAL = (
    *("pie_structure", "pie_psnr", "pie_lpips", "pie_mse", "pie_ssim"),
    *("pie_clip", "pie_clip_edited"),
)
"""Those of PIE-Bench's published table, in its order."""
SHARES = ("success", "changed", "kept")
"""Those that are yes or no in one case."""


def figures(case: Case, pictures: Pictures, edit: Picture) -> dict[str, Any]:
    """The figures of one edit; those that the case cannot give are absent."""
    if case.measure is not None:
        return dict(case.measure(pictures, edit))
    prompts = case.source_prompt, case.target_prompt
    seen = Seen(pictures.source, edit, pictures.truth, pictures.region, *prompts)
    found: dict[str, Any] = dict(measured(seen, shipped_eye()))
    if case.scenes is None:
        return found
    said = verdict(edit, *case.scenes)
    success = said.changed and said.kept and found.get("psnr_outside", ENOUGH) >= ENOUGH
    judged = {"success": success, "changed": said.changed, "kept": said.kept, "wrong": list(said.wrong)}
    return judged | found
