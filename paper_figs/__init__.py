"""Figures whose every number is computed here: ``python -m paper_figs [NAME ...] [--out DIR] [--check]``.

One file a figure. Its docstring is the caption; ``compute(rng)`` returns a table of numbers, and ``draw(table)`` draws
it without computing. `--check` compares the tables with those in ``expected/``. After an intended change, the new table
is DIR/NAME.json.
"""
