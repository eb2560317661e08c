"""The loss that denoisers are trained with, on a picture of one's own: what most that tunes makes small.

``x_t = alpha x0 + sigma eps`` with noise and level drawn anew, and the mean square by which the network
misses what it was trained to give there: the noise, or the velocity where it predicts that.
"""

import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor

from overpaint.model import Line, Model
from overpaint.network import Text
from overpaint.noise import Draws, Key
from overpaint.path import Latent, Prediction

ASTRAY = 100.0
"""Of this loss: noise has a variance of 1, so a network that misses it ten times over has learned nothing."""


def missed(model: Model, x0: Latent, text: Text, draws: Draws, *key: Key) -> Float[Tensor, ""]:
    """How far the network is off at noise and level of that key; one row, and gradients where those are on.

    Args:
        model: whose network is asked, as it is now.
        x0: the picture's latent, one row.
        text: what the network is told that it shows.
        draws: where noise and level come from; both are drawn under this key.
        key: the name of the draw.
    """
    path = model.path()
    eps = draws.normal(tuple(x0.shape), *key, "noise").to(x0)
    level = int(draws.integers(0, len(path), (1,), *key, "level"))
    i = len(path) - 1 - level  # paths begin at the noise end
    found = model.rows(path.noised(x0, eps, i), i, path, ["learned"], [Line("", text)])
    given, wanted = path.told(found, i), path.told(Prediction(x0, eps), i)
    return F.mse_loss(given.float(), wanted.float())
