"""Musical values and model representations: pure functions over stdlib and numpy."""
