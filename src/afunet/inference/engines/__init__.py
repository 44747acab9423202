"""What runs a network: one interface, an implementation for each runtime, one factory."""
