"""The HTTP service and its page: edits asked for from anywhere, done here, kept in the durable queue."""
