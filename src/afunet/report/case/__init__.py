"""The report of one case: its facts, its page, and the pictures of its slices."""
