"""The page of measured legs."""
