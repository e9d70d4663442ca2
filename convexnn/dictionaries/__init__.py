"""What the features of an architecture are: one file a family."""
