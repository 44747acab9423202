"""From one bone's mask and its CT to the fragments, where bone touches bone."""
