"""What is inside and around bones, point by point."""
