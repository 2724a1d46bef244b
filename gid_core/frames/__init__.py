"""Frames: what a moving picture is made of, from the splat to the loop's renderer and the passes beside it."""
