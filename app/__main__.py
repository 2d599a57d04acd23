"""`python -m app` is `antiphon`."""

from app.start import main

if __name__ == "__main__":
    main()
