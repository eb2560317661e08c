"""Choosing among methods: what tells a good edit without knowing the answer, and what to try first."""
