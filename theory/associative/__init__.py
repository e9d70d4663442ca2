"""A neuron that stores associations (arXiv:2409.04946)."""
