"""Pictures that a model knows and pictures that it does not, for the tests of what is said about them."""
