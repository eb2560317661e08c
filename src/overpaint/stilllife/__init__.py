"""The embedded world: a picture language in which the right answer of an edit is known."""
