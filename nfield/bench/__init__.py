"""Benchmarks: scenes x methods x seeds, and one report beside the published figures."""
