"""Families: the only place that knows a network class, its text encoders and its picture codec."""
