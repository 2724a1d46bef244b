"""Prediction: from a photo to its motion, a stage a module."""
