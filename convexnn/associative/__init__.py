"""A neuron that stores associations: how many, how robustly, and with how few connections."""

from convexnn.associative.associations import Associations, random_associations
from convexnn.associative.integer import Progress
from convexnn.associative.learn import learn, learning_curve
from convexnn.associative.learned import Learned
from convexnn.associative.online import History, LearnedOnline, learn_online, learn_online_many
from convexnn.associative.replica import Capacity, capacity, max_sparsity, robustness

__all__ = [
    "Associations",
    "Capacity",
    "History",
    "Learned",
    "LearnedOnline",
    "Progress",
    "capacity",
    "learn",
    "learn_online",
    "learn_online_many",
    "learning_curve",
    "max_sparsity",
    "random_associations",
    "robustness",
]
