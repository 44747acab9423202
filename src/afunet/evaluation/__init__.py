"""Metrics of a prediction against the ground truth, and their statistics."""
