"""Metrics and reports, the same terms for every model."""
