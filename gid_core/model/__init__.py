"""The motion model's files: their card, their check, and the sessions that run them."""
