"""What a corpus takes out of a file: bars, melodies, drums, trios, piano rolls."""
