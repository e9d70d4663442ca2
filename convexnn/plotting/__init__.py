"""Pictures: the fit with its kinks, the selected features, the dual certificate, paths, and curves of capacity.

Each picture is made in two steps: a record of numbers, and a function that draws it. The house style is `style.STYLE`;
the caller's rcParams stay as they are.
"""

try:
    import matplotlib.pyplot  # noqa: F401  # before the modules below, which need it
except ModuleNotFoundError as error:
    from convexnn.errors import MissingDependencyError

    raise MissingDependencyError("pictures need matplotlib; install it with `pip install convexnn[plot]`") from error

from convexnn.plotting.capacities import plot_capacity
from convexnn.plotting.gaps import plot_gaps
from convexnn.plotting.paths import plot_path
from convexnn.plotting.saving import save
from convexnn.plotting.solutions import plot_dual, plot_features, plot_fit, plot_solution

__all__ = ["plot_capacity", "plot_dual", "plot_features", "plot_fit", "plot_gaps", "plot_path", "plot_solution", "save"]
