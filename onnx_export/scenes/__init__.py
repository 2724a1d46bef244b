"""Painted scenes of which all is known: what is in them, and how each thing of them sways."""
