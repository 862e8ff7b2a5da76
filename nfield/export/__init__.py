"""What leaves a run: pictures and video."""
