"""Radiance fields: an encoding and a network joined, named by presets."""
