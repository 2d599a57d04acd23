"""`python -m app` is `antiphon`."""

from app.cli import main

main()
