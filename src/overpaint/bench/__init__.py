"""The benchmark: edits whose right answer is known, figures that say how near a method comes, and a table."""
