"""One table of bones, and how a mask is told which of them it shows, and on which side."""
