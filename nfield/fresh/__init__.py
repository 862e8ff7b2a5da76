"""FreSh: choose an architecture's frequencies from the spectrum of what it is to show."""
