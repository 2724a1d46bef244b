"""A loop in Blender: built, edited in place, read back, removed; its scene, sheet, clock and images."""
