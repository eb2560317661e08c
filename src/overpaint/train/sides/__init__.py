"""Trainers of side networks: ControlNet, T2I-Adapter, CycleNet, on a folder of pictures or on Still Life."""
