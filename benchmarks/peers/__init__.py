"""The same operations written with other libraries, in their fastest formulation on a CPU."""
