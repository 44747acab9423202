"""Fragments of broken bones that touch."""
