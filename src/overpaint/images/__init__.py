"""Pictures in and out: reading with limits, fitting to a model and back, writing whole files only."""

from overpaint.images.fitting import Fitted, Placement, fit, paste_back
from overpaint.images.picture import Info, Picture, from_tensor, pixels_hash, to_pil, to_tensor
from overpaint.images.reading import Limits, decode_picture, load_picture
from overpaint.images.sheets import heatmaps, strip
from overpaint.images.writing import check_output, encode_png, save_png

__all__ = [
    "Fitted",
    "Info",
    "Limits",
    "Picture",
    "Placement",
    "check_output",
    "decode_picture",
    "encode_png",
    "fit",
    "from_tensor",
    "heatmaps",
    "load_picture",
    "paste_back",
    "pixels_hash",
    "save_png",
    "strip",
    "to_pil",
    "to_tensor",
]
