"""Duality certificates, whatever the loss."""
