"""The metric protocol and the report."""
