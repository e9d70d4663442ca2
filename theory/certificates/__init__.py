"""Duality certificates. Importing this package registers its theorems."""
