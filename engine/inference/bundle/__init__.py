"""A model on disk: what bundle.json says, and every check before anything of it is used."""
