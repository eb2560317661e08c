"""The published table of PIE-Bench, to be printed beside ours. Values of different sources are kept apart."""

from collections.abc import Sequence
from dataclasses import dataclass

from overpaint.bench.table import grid

COLUMNS = ("pie_structure", "pie_psnr", "pie_lpips", "pie_mse", "pie_ssim", "pie_clip", "pie_clip_edited")
HEADS = ("structure ×1000", "PSNR", "LPIPS ×1000", "MSE ×10000", "SSIM ×100", "CLIP", "CLIP edited")
CHECKED = "Ju et al., ICLR 2024 (arXiv:2310.01506), or a paper that quotes it"
RECALLED = "the same table, from memory and not checked again"


@dataclass(frozen=True)
class Published:
    """One row: SD 1.4 (PnP: 1.5), 50 steps, all 700 pictures."""

    inversion: str
    method: str
    values: tuple[float, ...]
    source: str = CHECKED


TABLE: Sequence[Published] = (
    Published("ddim", "p2p", (69.43, 17.87, 208.80, 219.88, 71.14, 25.01, 22.44)),
    Published("null-text", "p2p", (13.44, 27.03, 60.67, 35.86, 84.11, 24.75, 21.86)),
    Published("negative-prompt", "p2p", (16.17, 26.21, 69.01, 39.73, 83.40, 24.61, 21.87)),
    Published("style", "p2p", (11.65, 26.05, 66.10, 38.63, 83.42, 24.78, 21.72)),
    Published("direct", "p2p", (11.65, 27.22, 54.55, 32.86, 84.76, 25.02, 22.10)),
    Published("ddim", "pnp", (28.22, 22.28, 113.46, 83.64, 79.05, 25.41, 22.55), RECALLED),
    Published("direct", "pnp", (24.29, 22.46, 106.06, 80.45, 79.68, 25.41, 22.62)),
    Published("ddim", "masactrl", (28.38, 22.17, 106.62, 86.97, 79.67, 23.96, 21.16), RECALLED),
    Published("direct", "masactrl", (24.70, 22.64, 87.94, 81.09, 81.33, 24.38, 21.35), RECALLED),
    Published("ddim", "pix2pix-zero", (61.68, 20.44, 172.22, 144.12, 74.67, 22.80, 20.54), RECALLED),
    Published("direct", "pix2pix-zero", (49.22, 21.53, 138.98, 127.32, 77.05, 23.31, 21.05), RECALLED),
    Published("edict", "p2p", (4.91, 29.79, 37.03, 20.40, 87.52, 23.09, 20.32), RECALLED),
    Published("edit-friendly", "p2p", (18.05, 24.55, 91.88, 94.58, 81.57, 23.97, 21.03), RECALLED),
)


def markdown() -> str:
    """The table, one part for each source."""
    parts = list[str]()
    for source in (CHECKED, RECALLED):
        rows = [one for one in TABLE if one.source == source]
        lines = [[f"{one.method} {one.inversion}", *(f"{v:.2f}" for v in one.values)] for one in rows]
        parts.append(f"Published, SD 1.4 ({source}):\n\n{grid(['', *HEADS], lines)}")
    return "\n\n".join(parts) + "\n"
