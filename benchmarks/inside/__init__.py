"""Programs that a tool's own Python runs, in a process of its own: they know nothing of each other."""
