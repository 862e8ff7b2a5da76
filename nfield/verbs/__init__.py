"""What evaluating and rendering mean for each kind of data a run was fitted to."""
