"""Compressed models: written, read, and judged as they are written."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from types import ModuleType
from typing import Any

from torch import Tensor

from nfield.config import Config, from_dict, to_dict
from nfield.errors import InputError
from nfield.export.compressed import compress, decompress
from nfield.fields.model import load_model
from nfield.fields.presets import Kind, preset
from nfield.fields.value_model import load_value_model
from nfield.files import replacing
from nfield.verbs import image, scene, shape, video
from nfield.verbs.fitted import Fitted, Job, accepted

JUDGES: dict[Kind, ModuleType] = {
    "radiance": scene,
    "image": image,
    "distance": shape,
    "video": video,
}


def export(job: Job, *, every: int | None = None) -> dict[str, Any]:
    """Write the model with 8 bits a value, entropy coded, and judge what was written."""
    run = job.run
    tensors, meta = run.model.state()
    if run.config.occupancy is not None:
        # It matters only whether a cell is above the threshold: steps are spent near that.
        most = 4 * run.config.occupancy.threshold
        name = "model.occupancy.thickness"
        tensors[name] = tensors[name].clamp(max=most)
    data = compress(tensors, {"config": to_dict(run.config), "meta": meta})
    with replacing(job.out) as temporary:
        temporary.write_bytes(data)
    kind = preset(run.config.field).kind
    options: dict[str, Any] = {"every": every}
    if kind != "distance":
        options["watch"] = lambda judged: job.watch(judged.done, judged.total)
    written = Fitted(run.config, run.data, load_compressed(job.out)[1], job.out.parent)
    verb = JUDGES[kind].evaluate
    judged = verb(written, **accepted(verb, run.config, options))
    size = run.model.size()
    return {
        "parameters": size["parameters"],
        "parameter_bytes": size["bytes"],
        "mean": judged["mean"],
    }


def load_compressed(path: str | Path) -> tuple[Config, Any]:
    """Configuration and model, a Model or a ValueModel, of a compressed file.

    Raises:
        InputError: the file is absent, damaged or of a future schema.
    """
    file = Path(path)
    if not file.is_file():
        raise InputError(f"{file}: must be a compressed model, got no file; check the path")
    tensors, header = decompress(file.read_bytes(), str(file))
    config = from_dict(header.get("config", {}), str(file))
    return config, load_state(config, tensors, header.get("meta", {}))


def load_state(config: Config, tensors: Mapping[str, Tensor], meta: Mapping[str, Any]) -> Any:
    """The Model or ValueModel of a checkpoint's tensors and plain values."""
    load = load_model if preset(config.field).kind == "radiance" else load_value_model
    return load(config, tensors, meta)
