import json
import re

import numpy as np

from overpaint.images import Picture
from overpaint.pages.page import EXACT, inside, page, shown


def test_nothing_inside_data_is_taken_for_markup() -> None:
    said = {"prompt": "</script><img src=x onerror=alert(1)> & \u2028 é"}
    text = inside(said)
    assert not set("<>&\u2028") & set(text) and json.loads(text) == said
    made = page("<b>", "compare", said, ["common", "compare"]).decode()
    assert "<title>&lt;b&gt;</title>" in made and "<img src=x" not in made
    (data,) = re.findall(r'<script type="application/json" id="data">(.*?)</script>', made)
    assert json.loads(data) == said


def test_a_page_needs_nothing_else() -> None:
    made = page("t", "compare", {}, ["common", "compare"]).decode()
    assert "default-src 'none'" in made and "http" not in made.replace("http-equiv", "")


def test_small_pictures_are_exact_and_large_ones_shrink() -> None:
    noise = np.random.default_rng(0).integers(0, 256, (EXACT, EXACT, 3), dtype=np.uint8)
    assert shown(Picture(noise)).startswith("data:image/png;base64,")
    large = Picture(np.zeros((3000, 40, 3), dtype=np.uint8))
    assert shown(large).startswith("data:image/jpeg;base64,") and len(shown(large)) < 10_000
