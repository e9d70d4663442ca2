"""Networks with explicit weights."""
