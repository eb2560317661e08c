from typing import Any

import numpy as np
import pytest
from tests.kit import shared
from tests.test_api import SOURCE, TARGET, smooth

from overpaint.api import edit
from overpaint.errors import UsageError
from overpaint.registry import find
from overpaint.run.request import checked_name

OPTIONS: dict[str, Any] = {"method": "masactrl", "steps": 3, "start": 0, "layer": 3}


def test_further_pictures_have_the_names_a_card_gives_them() -> None:
    assert checked_name("source-mask", find("masactrl")) == "source-mask"
    with pytest.raises(UsageError, match="has no use for pictures called 'source-mask'; it looks at no"):
        checked_name("source-mask", find("p2p"))
    with pytest.raises(UsageError, match="it looks at: source-mask"):
        checked_name("examples", find("masactrl"))


def test_a_further_picture_reaches_the_method_and_the_recipe() -> None:
    image = smooth()
    left = np.zeros_like(image.rgb)
    left[:, : left.shape[1] // 2] = 255
    said = {"source": SOURCE, "target": TARGET, "model": shared(), "mask": np.full_like(left, 255)}
    plain = edit(image, **said, **OPTIONS)
    told = edit(image, pictures={"source-mask": left}, **said, **OPTIONS)
    assert not np.array_equal(plain.picture.rgb, told.picture.rgb)
    assert "source-mask" in told.recipe.pictures and "source-mask" not in plain.recipe.pictures
