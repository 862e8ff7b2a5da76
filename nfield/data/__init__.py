"""Scenes: one parser a format and the built-in procedural ones, all returning the same
`scene.Scene`.
"""
