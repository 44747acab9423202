"""What runs a network: one interface, an implementation a runtime. Torch lives only in here."""
