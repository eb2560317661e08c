"""Pages that need no network: one file of HTML with its style, its program and its data inside."""
