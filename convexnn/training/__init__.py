"""Networks trained by gradient descent: many at once, with exact dead units and certified gaps."""

from convexnn.training.bridge import LocalOptimum, local_optimum, missing_features, reinitialise_dead, revive
from convexnn.training.descent import History, Noise, Regularisation
from convexnn.training.dying import DeadWedge, shake
from convexnn.training.mlp import MLP, MLPRuns, train_mlp
from convexnn.training.mlp_pruning import gradual_pruning
from convexnn.training.pruning import demon_pruning, magnitude_pruning, random_pruning
from convexnn.training.schedules import cubic_sparsity, one_cycle
from convexnn.training.sweeps import pruning_sweep
from convexnn.training.train import Runs, train

__all__ = [
    "MLP",
    "DeadWedge",
    "History",
    "LocalOptimum",
    "MLPRuns",
    "Noise",
    "Regularisation",
    "Runs",
    "cubic_sparsity",
    "demon_pruning",
    "gradual_pruning",
    "local_optimum",
    "magnitude_pruning",
    "missing_features",
    "one_cycle",
    "pruning_sweep",
    "random_pruning",
    "reinitialise_dead",
    "revive",
    "shake",
    "train",
    "train_mlp",
]
