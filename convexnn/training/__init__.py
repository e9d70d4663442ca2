"""Networks trained by gradient descent: many at once, with exact dead units and certified gaps."""

from convexnn.training.descent import History, Noise, Regularisation
from convexnn.training.mlp import MLP, MLPRuns, train_mlp
from convexnn.training.pruning import demon_pruning, magnitude_pruning, random_pruning
from convexnn.training.schedules import cubic_sparsity, one_cycle
from convexnn.training.train import Runs, train

__all__ = [
    "MLP",
    "History",
    "MLPRuns",
    "Noise",
    "Regularisation",
    "Runs",
    "cubic_sparsity",
    "demon_pruning",
    "magnitude_pruning",
    "one_cycle",
    "random_pruning",
    "train",
    "train_mlp",
]
