"""nfield as a method of NerfBaselines (nerfbaselines.github.io): see docs/nerfbaselines.md."""
