"""Dead units, Demon pruning (arXiv:2403.07688), and trained networks against the convex optimum."""
