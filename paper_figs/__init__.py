"""Figures whose every number is computed here: ``python -m paper_figs [NAME ...] [--out DIR] [--check]``.

One file a figure. Its docstring is the caption; ``compute(rng)`` returns a table of numbers, and ``draw(table)`` draws it
without computing. ``expected/`` holds the tables that `--check` compares with.
"""
