"""PIE-Bench (arXiv:2310.01506): its layout on disk, its figures as its authors compute them, its table."""
