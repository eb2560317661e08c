"""What is made small: how far pictures are from sentences, from one another, from what was wished for."""
