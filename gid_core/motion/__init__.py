"""Motion: spectral volumes, their loops and plucks. No pictures, no networks, no files but the volume's own."""
