"""The HTTP face over the real store."""
