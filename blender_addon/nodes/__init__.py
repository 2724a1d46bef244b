"""Node groups and materials of a loop, one file each; `builder` holds the idiom they are written in."""
