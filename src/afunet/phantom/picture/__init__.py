"""From a config to a CT with exact labels."""
