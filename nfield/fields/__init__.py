"""Fields: encodings and networks joined, named by presets."""
