"""What leaves Blender: frames, movies, and the files of the command line."""
