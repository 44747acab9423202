"""How well a prediction agrees with the truth."""
