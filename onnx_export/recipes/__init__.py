"""Other ways to make a motion, the paper's among them, as configurations of the same code; for measurements."""
