"""Pictures in and out: reading with limits, fitting to a model and back, writing whole files only.

The names below are loaded when they are first used: reading a picture, or the recipe inside it, needs no
network library.
"""

from typing import TYPE_CHECKING

from overpaint.files.lazy import lazily

if TYPE_CHECKING:
    from overpaint.images.encoding import check_quality, check_side, encode_picture, encode_png
    from overpaint.images.fitting import Fitted, Placement, fit, fit_mask, paste_back, spread
    from overpaint.images.masking import Mask, blended, mask_of
    from overpaint.images.picture import Info, Picture, flattened, from_pil, pixels_hash, to_pil
    from overpaint.images.reading import Limits, decode_picture, load_picture
    from overpaint.images.sheets import heatmaps, strip
    from overpaint.images.tensors import from_tensor, to_tensor
    from overpaint.images.writing import check_output, save_picture

__all__ = [
    "Fitted",
    "Info",
    "Limits",
    "Mask",
    "Picture",
    "Placement",
    "blended",
    "check_output",
    "check_quality",
    "check_side",
    "decode_picture",
    "encode_picture",
    "encode_png",
    "fit",
    "fit_mask",
    "flattened",
    "from_pil",
    "from_tensor",
    "heatmaps",
    "load_picture",
    "mask_of",
    "paste_back",
    "pixels_hash",
    "save_picture",
    "spread",
    "strip",
    "to_pil",
    "to_tensor",
]

_HOMES = {
    "encoding": ("check_quality", "check_side", "encode_picture", "encode_png"),
    "fitting": ("Fitted", "Placement", "fit", "fit_mask", "paste_back", "spread"),
    "masking": ("Mask", "blended", "mask_of"),
    "picture": ("Info", "Picture", "flattened", "from_pil", "pixels_hash", "to_pil"),
    "reading": ("Limits", "decode_picture", "load_picture"),
    "sheets": ("heatmaps", "strip"),
    "tensors": ("from_tensor", "to_tensor"),
    "writing": ("check_output", "save_picture"),
}


if not TYPE_CHECKING:  # type checkers shall report unknown names
    __getattr__ = lazily(__name__, _HOMES)
