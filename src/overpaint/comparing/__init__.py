"""Several methods on one picture: what there is to try, cheapest first, and showing what came out."""
