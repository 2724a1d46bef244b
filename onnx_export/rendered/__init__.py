"""Scenes rendered with Cycles, by a Python that has bpy: the same truth as of painted ones, with light as it is."""
