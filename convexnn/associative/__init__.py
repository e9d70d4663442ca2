"""A neuron that stores associations: how many, how robustly, and with how few connections."""

from convexnn.associative.replica import Capacity, capacity, max_sparsity, robustness

__all__ = ["Capacity", "capacity", "max_sparsity", "robustness"]
