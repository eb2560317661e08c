"""Pictures of pictures: a labelled row to compare, and attention laid over the picture word by word."""

from collections.abc import Iterable, Sequence

import numpy as np
from jaxtyping import Float
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont
from torch import Tensor

from overpaint.errors import UsageError
from overpaint.images.picture import Picture, flattened, from_pil, to_pil

PAPER, INK = (255, 255, 255), (48, 48, 52)
CELL = 256  # pictures smaller than this are enlarged, so that a sheet can be looked at
LONGEST = 4096  # and are not enlarged beyond this width, however thin they are
COLUMNS = 5
# Dark to light, so that the order also survives in grey; the stops are evenly spaced.
HEAT = np.array([(8, 6, 42), (84, 16, 109), (170, 42, 96), (231, 92, 48), (251, 172, 26), (252, 253, 191)])


def strip(pictures: Sequence[Picture], captions: Sequence[str]) -> Picture:
    """A row of pictures of one height, each with its caption below."""
    if len(pictures) != len(captions) or not pictures:
        raise UsageError(
            f"A strip needs a caption for each picture, not {len(captions)} for {len(pictures)}."
        )
    height = max(CELL, *(picture.size[0] for picture in pictures))
    return from_pil(sheet([scaled(flat(picture), height) for picture in pictures], captions, len(pictures)))


def heatmaps(maps: Iterable[tuple[str, Float[Tensor, "h w"]]], picture: Picture) -> Picture:
    """The picture, then one cell a word with its attention laid over; bright is much.

    Each map is scaled by its own maximum, because words differ in strength far more than places do.
    """
    pairs = list(maps)
    base = scaled(flat(picture), max(CELL, picture.size[0]))
    cells = [base, *(overlay(base, weights.detach().cpu().float().numpy()) for _, weights in pairs)]
    return from_pil(sheet(cells, ["picture", *(word for word, _ in pairs)], COLUMNS))


def overlay(base: Image.Image, weights: NDArray[np.float32]) -> Image.Image:
    """Colours of heat over a greyed picture."""
    share = np.clip(weights / max(float(weights.max()), 1e-12), 0, 1)
    small = Image.fromarray((share * 255).round().astype(np.uint8))
    heat = Image.fromarray(coloured(np.array(small.resize(base.size, Image.Resampling.BICUBIC)) / 255.0))
    return Image.blend(base.convert("L").convert("RGB"), heat, 0.6)


def coloured(share: NDArray[np.float64]) -> NDArray[np.uint8]:
    """Numbers in [0, 1] as colours."""
    stops = np.linspace(0, 1, len(HEAT))
    return np.stack([np.interp(share, stops, HEAT[:, c]) for c in range(3)], -1).round().astype(np.uint8)


def flat(picture: Picture) -> Image.Image:
    """The picture on paper, where it is transparent."""
    return to_pil(flattened(picture))


def scaled(image: Image.Image, height: int) -> Image.Image:
    """The image at another height, its shape kept; a long thin one is enlarged less, or not at all."""
    share = min(height / image.height, max(1.0, LONGEST / image.width))
    if share == 1:
        return image
    size = max(1, round(image.width * share)), max(1, round(image.height * share))
    return image.resize(size, Image.Resampling.BICUBIC)


def sheet(cells: Sequence[Image.Image], captions: Sequence[str], columns: int) -> Image.Image:
    """Cells on paper, left to right and top to bottom, captions centred below them."""
    height = max(cell.height for cell in cells)
    gap, font = max(12, height // 24), ImageFont.load_default(max(13, height // 17))
    texts = [wrapped(text, font, cell.width) for text, cell in zip(captions, cells, strict=True)]
    line = font_height(font)
    rows = [range(i, min(i + columns, len(cells))) for i in range(0, len(cells), columns)]
    widths = [sum(cells[i].width for i in row) + gap * (len(row) + 1) for row in rows]
    heights = [height + gap + line * max(len(texts[i]) for i in row) + gap for row in rows]
    paper = Image.new("RGB", (max(widths), sum(heights) + gap), PAPER)
    top = gap
    for row, step in zip(rows, heights, strict=True):
        draw_row(paper, top, gap, [(cells[i], texts[i]) for i in row], height, font)
        top += step
    return paper


def draw_row(
    paper: Image.Image,
    top: int,
    gap: int,
    row: Sequence[tuple[Image.Image, Sequence[str]]],
    height: int,
    font: ImageFont.FreeTypeFont | ImageFont.ImageFont,
) -> None:
    """One row of a sheet."""
    draw, left = ImageDraw.Draw(paper), gap
    for cell, lines in row:
        paper.paste(cell, (left, top))
        for k, text in enumerate(lines):
            x = left + (cell.width - font.getlength(text)) / 2
            draw.text((x, top + height + gap // 2 + k * font_height(font)), text, fill=INK, font=font)
        left += cell.width + gap


def font_height(font: ImageFont.FreeTypeFont | ImageFont.ImageFont) -> int:
    """Distance from one line to the next."""
    return round(font.getbbox("Ag|")[3] * 1.25)


def wrapped(text: str, font: ImageFont.FreeTypeFont | ImageFont.ImageFont, width: int) -> list[str]:
    """The text in lines no wider than `width`; a single word may be."""
    lines = [""]
    for word in text.split():
        longer = f"{lines[-1]} {word}".strip()
        if lines[-1] and font.getlength(longer) > width:
            lines.append(word)
        else:
            lines[-1] = longer
    return lines
