"""Legs drawn at random, and some worth having by name."""
