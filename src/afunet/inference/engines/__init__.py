"""Engines run a network: one interface, one implementation for each runtime, one factory."""
