"""Converting one radiance field to another: distillation, its poses, edits and report."""
