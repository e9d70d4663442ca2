"""The compiled core: pure functions on contiguous arrays."""
