"""A durable queue of work, who does it, and what came out: the same for a page, a service and a folder."""
