"""The stories: one function for each command, without science of its own."""
