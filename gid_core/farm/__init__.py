"""Loops made on many machines: a job as a folder, its tasks, and what farms read of it."""
