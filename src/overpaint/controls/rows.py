"""Replacing rows of a batch without touching the batch itself."""

from collections.abc import Sequence

import torch
from jaxtyping import Float
from torch import Tensor


def put(
    x: Float[Tensor, "rows *rest"], rows: Sequence[int], value: Float[Tensor, "1 *rest"]
) -> Float[Tensor, "rows *rest"]:
    """A new batch in which these rows are ``value``; somebody may have recorded the old one."""
    return torch.cat([value if row in rows else x[row : row + 1] for row in range(len(x))])
