"""Files: pictures and results in and out, whole or not at all."""
