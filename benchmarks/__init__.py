"""Ours beside peers: one command each, results as JSON (see README.md)."""
