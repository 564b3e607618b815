"""`python -m app` is the command `shiplog`."""

from app.cli import main

main()
