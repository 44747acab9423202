"""Solids, distances and random fields in space, from which bones and tissues are built."""
