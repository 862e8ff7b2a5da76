"""The native operations, one module each; the only code that imports the native module."""
