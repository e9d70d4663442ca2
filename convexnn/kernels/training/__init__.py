"""Compiled training of many small networks."""
