"""The PyQt6 window beside the DAW."""
