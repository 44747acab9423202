"""Solids, distances and random fields in space: what bones and tissues are made of."""
