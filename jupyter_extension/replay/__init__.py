"""Nothing is ever lost: what every kernel publishes is recorded, folded and replayed."""
