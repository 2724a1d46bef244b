"""Photographs that teach and validate: which they are, their hand masks, cut-outs of them, and the split."""
