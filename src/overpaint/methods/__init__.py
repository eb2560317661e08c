"""Methods: one published editing method a file."""
