"""The table of bones, and the code that names the pieces of a mask: which bone, which side."""
