"""Cameras, rays, occupancy, marching, compositing, and the renderer."""
