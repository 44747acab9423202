"""Configurations of random legs, and some named examples."""
