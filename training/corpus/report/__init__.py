"""What a finished corpus holds, as numbers, plots and a page."""
