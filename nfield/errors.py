"""The one exception for what the user gave."""

from __future__ import annotations


class InputError(ValueError):
    """One sentence on what the user gave: it names the thing, the rule, the value, the repair."""
