"""What NerfBaselines finds by the entry point `nerfbaselines.specs`. Torch-free."""

from __future__ import annotations

from nerfbaselines import register

register(
    {
        "id": "nfield",
        "method_class": "nfield.nerfbaselines.method:NField",
        "backends_order": ["python"],
        "metadata": {
            "name": "nfield",
            "description": (
                "An engine for neural fields on ordinary CPUs: hash grids, planes, voxels and "
                "networks in one renderer with an occupancy grid; `--set field=NAME` chooses one."
            ),
            "licenses": [{"name": "Apache-2.0"}],
        },
    }
)
