"""The one exception for what the user gave."""

from __future__ import annotations


class InputError(ValueError):
    """Something the user gave is wrong: one sentence that names the thing, the rule, the value and the repair."""
