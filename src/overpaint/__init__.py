"""Every published Stable-Diffusion editing method, one screen each."""

__version__ = "0.1.0"

__all__ = ["__version__"]
