"""Folders and lists of pictures, edited one after the other: what is in them, what comes out, what failed."""
