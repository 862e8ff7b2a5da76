"""Encodings: coordinates in, features out."""
