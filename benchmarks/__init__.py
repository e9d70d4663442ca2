"""Measurements: what the library does on real data, and how fast."""
