"""`python -m nfield` is the program `nfield`."""

from __future__ import annotations

import sys

from nfield.cli import main

sys.exit(main())
