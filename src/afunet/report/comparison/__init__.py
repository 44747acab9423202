"""A comparison of networks: its facts, its page and its figures."""
