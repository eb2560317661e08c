"""Learning something for an edit: embeddings, weights, and how they are put on and taken off."""
