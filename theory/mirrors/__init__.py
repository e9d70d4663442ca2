"""Networks of one variable and their dictionaries (arXiv:2403.01046)."""
