"""Fitting: the trainer, its loop, and the run folder."""
