"""`python -m afunet` is the command `afunet`."""

from afunet.cli import main

main()
