"""From a config to a CT with its exact answer."""
