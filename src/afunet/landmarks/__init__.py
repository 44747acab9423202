"""Landmarks, axes and angles of bones, found on their surfaces."""
