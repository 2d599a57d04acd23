"""Building a corpus: files listed, read in parallel, judged, split and merged."""
