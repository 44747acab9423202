"""The workflows: one function for each command, which calls the layers below in order."""
