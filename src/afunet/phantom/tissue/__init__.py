"""The tissue inside and around bones, evaluated point by point."""
